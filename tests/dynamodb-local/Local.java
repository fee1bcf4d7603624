import com.amazonaws.services.dynamodbv2.local.main.ServerRunner;
import com.amazonaws.services.dynamodbv2.local.server.DynamoDBProxyServer;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;

/**
 * DynamoDB Local in memory, for this machine alone and as long as the standard input is open. Its own start program
 * listens for everybody, and on a port that has to be chosen before.
 */
final class Local {
    public static void main(String[] args) throws Exception {
        DynamoDBProxyServer dynamodb = ServerRunner.createServerFromCommandLineArgs(
            new String[] {"-inMemory", "-disableTelemetry"});
        var field = DynamoDBProxyServer.class.getDeclaredField("server");
        field.setAccessible(true);
        ServerConnector connector = (ServerConnector) ((Server) field.get(dynamodb)).getConnectors()[0];
        connector.setHost("127.0.0.1");
        connector.setPort(0);
        dynamodb.start();
        System.out.println("listening on port " + connector.getLocalPort());
        while (System.in.read() >= 0) {
            // Nobody writes here: it ends when whoever started this has ended.
        }
        System.exit(0);
    }
}
