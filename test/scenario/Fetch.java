import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

/**
 * Fetches a page by java.net.http.HttpClient through a proxy, once for each identity:
 *
 * <pre>java Fetch.java http://PROXY:PORT|https://PROXY:PORT URL SECONDS IDENTITY...</pre>
 *
 * and prints "STATUS VERSION BODY", or "ERROR why", a line each. HttpClient speaks no TLS to a proxy, and nothing
 * else in the JDK does. So for an https:// proxy it is given one of this process's own, on loopback, that
 * carries its bytes through a socket of Java's TLS with the certificate in the PKCS12 file IDENTITY ("none": none).
 * Whom Java believes, the javax.net.ssl properties say.
 */
public class Fetch {
    static final char[] PASSWORD = "changeit".toCharArray();

    static SSLContext identify(String identity) throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        if (identity.equals("none")) {
            context.init(null, null, null);
            return context;
        }
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream file = Files.newInputStream(Path.of(identity))) {
            store.load(file, PASSWORD);
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(store, PASSWORD);
        context.init(keys.getKeyManagers(), null, null);
        return context;
    }

    static void start(Runnable work) {
        Thread thread = new Thread(work);
        thread.setDaemon(true);
        thread.start();
    }

    static void carry(Socket from, Socket to) {
        try (from; to) {
            from.getInputStream().transferTo(to.getOutputStream());
        } catch (IOException broken) {
            return; // and both are closed
        }
    }

    static void join(Socket client, URI proxy, SSLContext context) {
        try {
            SSLSocket outer = (SSLSocket) context.getSocketFactory().createSocket(proxy.getHost(), proxy.getPort());
            outer.startHandshake();
            start(() -> carry(client, outer));
            start(() -> carry(outer, client));
        } catch (IOException refused) {
            carry(client, client);
        }
    }

    static InetSocketAddress forwarder(URI proxy, SSLContext context) throws IOException {
        ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        start(() -> {
            try (listener) {
                while (true) {
                    Socket client = listener.accept();
                    start(() -> join(client, proxy, context));
                }
            } catch (IOException closed) {
                return;
            }
        });
        return new InetSocketAddress(listener.getInetAddress(), listener.getLocalPort());
    }

    static String fetch(URI proxy, String url, long seconds, String identity) throws Exception {
        InetSocketAddress address = new InetSocketAddress(proxy.getHost(), proxy.getPort());
        if (proxy.getScheme().equals("https")) {
            address = forwarder(proxy, identify(identity));
        }
        HttpClient client = HttpClient.newBuilder().proxy(ProxySelector.of(address)).build();
        HttpRequest request = HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(seconds)).build();
        try {
            HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
            return response.statusCode() + " " + response.version() + " " + response.body();
        } catch (IOException failed) {
            return "ERROR " + failed;
        }
    }

    public static void main(String[] arguments) throws Exception {
        for (int i = 3; i < arguments.length; i++) {
            String line = fetch(URI.create(arguments[0]), arguments[1], Long.parseLong(arguments[2]), arguments[i]);
            System.out.println(line.replace('\n', ' '));
        }
    }
}
