package io.fleettelemetry.datastore.nats;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.nats.client.Connection;
import io.nats.client.Message;
import io.nats.client.NKey;
import io.nats.client.Nats;
import io.nats.client.support.JsonParser;
import io.nats.client.support.JsonSerializable;
import io.nats.client.support.JsonValue;
import io.nats.client.support.JwtUtils;
import io.nats.client.support.JwtUtils.Permission;
import io.nats.client.support.JwtUtils.UserClaim;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;

/** Whom a nats-server asks who may come in ({@code auth_callout}, from 2.10 on): lets everybody in who is denied one subject. */
final class AuthService {

    private final NKey issuer;
    private final String deniedSubject;
    private final AtomicInteger asked = new AtomicInteger();

    AuthService(String deniedSubject) throws GeneralSecurityException, IOException {
        this.deniedSubject = deniedSubject;
        this.issuer = NKey.createAccount(null);
    }

    /** What the server's configuration needs. */
    String configuration() throws GeneralSecurityException, IOException {
        return "authorization { users: [ { user: auth, password: p } ], auth_callout { issuer: " + key()
                + ", auth_users: [ auth ] } }";
    }

    /** Answers until the connection is closed. */
    Connection serve(String url) throws IOException, InterruptedException, TimeoutException {
        Connection connection = Nats.connect(url.replace("//", "//auth:p@"));
        connection
                .createDispatcher(request -> connection.publish(request.getReplyTo(), answer(request)))
                .subscribe("$SYS.REQ.USER.AUTH");
        connection.flush(Duration.ofSeconds(20));
        return connection;
    }

    /** How often it was asked. */
    int asked() {
        return asked.get();
    }

    private byte[] answer(Message request) {
        asked.incrementAndGet();
        try {
            JsonValue asks = JsonParser.parse(JwtUtils.getClaimBody(new String(request.getData(), UTF_8)))
                    .map
                    .get("nats");
            String user = asks.map.get("user_nkey").string;
            String server = asks.map.get("server_id").map.get("id").string;
            String letIn = sign(user, "$G", new UserClaim(null).pub(new Permission().deny(deniedSubject)));
            String response = sign(
                    user,
                    server,
                    () -> "{\"type\":\"authorization_response\",\"version\":2,\"jwt\":\"" + letIn + "\"}");
            return response.getBytes(UTF_8);
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private String sign(String user, String audience, JsonSerializable claim)
            throws GeneralSecurityException, IOException {
        return JwtUtils.issueJWT(issuer, user, user, null, JwtUtils.currentTimeSeconds(), key(), audience, claim);
    }

    private String key() throws GeneralSecurityException, IOException {
        return new String(issuer.getPublicKey());
    }
}
