package io.fleettelemetry.console;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.fleettelemetry.host.TelemetryHost;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.karaf.shell.api.console.Session;
import org.apache.karaf.shell.impl.action.command.DefaultActionPreparator;
import org.apache.karaf.shell.support.CommandException;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceReference;

/** Runs a command as Karaf's shell does. */
final class Shell {

    /**
     * What a command left behind.
     *
     * @param out what is on standard output in the end, with what the shell prints of an error
     * @param ok whether bin/client would exit with 0
     */
    record Result(String out, boolean ok) {

        /** The only thing on standard output. */
        JsonObject json() {
            return JsonParser.parseString(out).getAsJsonObject();
        }
    }

    /** Where the session's user is. */
    Path directory = Path.of("").toAbsolutePath();

    /** The session's own stream, past any redirection. */
    PrintStream console = new PrintStream(OutputStream.nullOutputStream());

    Result run(HostCommand command, TelemetryHost host) {
        command.bundle = bundle(host);
        return run(command);
    }

    Result run(TelemetryCommand command) {
        return run(command, List.of());
    }

    /** With words as somebody types them behind the command's name. */
    Result typed(HostCommand command, TelemetryHost host, String... words) {
        command.bundle = bundle(host);
        return run(command, List.of((Object[]) words));
    }

    private Result run(TelemetryCommand command, List<Object> words) {
        command.session = session();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        PrintStream before = System.out;
        boolean ok = true;
        try (PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8)) {
            System.setOut(out);
            try {
                new DefaultActionPreparator().prepare(command, command.session, words);
                command.execute();
            } catch (CommandException e) {
                ok = false;
                out.println(e.getNiceHelp());
            } catch (Exception e) {
                throw new IllegalStateException("Karaf's own", e);
            }
        } finally {
            System.setOut(before);
        }
        return new Result(bytes.toString(StandardCharsets.UTF_8), ok);
    }

    /** Starts it on a thread of its own, as one that can be interrupted. */
    Running start(HostCommand command, TelemetryHost host) {
        CompletableFuture<Result> result = new CompletableFuture<>();
        Thread thread = new Thread(() -> result.complete(run(command, host)), "command");
        thread.setDaemon(true);
        thread.start();
        return new Running(thread, result);
    }

    record Running(Thread thread, CompletableFuture<Result> result) {}

    /** A bundle that finds this host; or none, if it is null. */
    private static BundleContext bundle(TelemetryHost host) {
        ServiceReference<?> reference = proxy(ServiceReference.class, (proxy, method, arguments) -> null);
        return proxy(BundleContext.class, (proxy, method, arguments) -> switch (method.getName()) {
            case "getServiceReference" -> host == null ? null : reference;
            case "getService" -> host;
            case "ungetService" -> true;
            default -> throw new UnsupportedOperationException(method.getName());
        });
    }

    private static <T> T proxy(Class<T> type, InvocationHandler handler) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
    }

    private Session session() {
        return proxy(Session.class, (proxy, method, arguments) -> switch (method.getName()) {
            case "currentDir" -> directory;
            case "getConsole" -> console;
            default -> throw new UnsupportedOperationException(method.getName());
        });
    }
}
