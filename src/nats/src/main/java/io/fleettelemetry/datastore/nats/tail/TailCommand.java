package io.fleettelemetry.datastore.nats.tail;

import io.fleettelemetry.api.Token;
import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.datastore.nats.Feed;
import java.io.IOException;
import java.time.LocalTime;
import java.util.List;
import org.apache.karaf.shell.api.action.Action;
import org.apache.karaf.shell.api.action.Argument;
import org.apache.karaf.shell.api.action.Command;
import org.apache.karaf.shell.api.action.Completion;
import org.apache.karaf.shell.api.action.Option;
import org.apache.karaf.shell.api.action.lifecycle.Reference;
import org.apache.karaf.shell.api.action.lifecycle.Service;
import org.apache.karaf.shell.api.console.Session;
import org.apache.karaf.shell.support.CommandException;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;

/** Shows records as they arrive at NATS, with the servers, credentials and TLS of a datastore. */
@Service
@Command(scope = "telemetry", name = "tail", description = "Shows records as they arrive at NATS, decoded")
public final class TailCommand implements Action {

    private static final String USAGE =
            System.lineSeparator() + "usage: telemetry:tail [subject] [--datastore NAME] [--count N] [--json]";

    @Argument(
            name = "subject",
            description = "Subject of the records, in single quotes; * stands for one token, > for all that follow;"
                    + " by default all records of the datastore",
            multiValued = true)
    List<String> words = List.of();

    @Option(name = "--datastore", description = "The NATS datastore whose servers and credentials are used")
    @Completion(DatastoreCompleter.class)
    String datastore = "nats";

    /** A text, because Karaf would refuse a wrong number before this command could answer in JSON. */
    @Option(name = "--count", description = "Number of records; 0 runs until Ctrl-C")
    String count = "0";

    @Option(name = "--json", description = "Print one JSON object for each record and nothing else")
    boolean json;

    @Reference
    BundleContext context;

    @Reference
    Session session;

    @Override
    public Object execute() throws CommandException {
        try {
            readOptionsBehindSubject();
            long records = records();
            if (!words.isEmpty() && problem(words.get(0)) != null) {
                throw new Misuse(problem(words.get(0)));
            }
            Feed feed = Feeds.named(datastore, context);
            new Tail(feed, words.isEmpty() ? feed.subject() : words.get(0), records, new SessionScreen()).run();
        } catch (InterruptedException e) {
            // as endless tails do
        } catch (IOException e) {
            if (json) {
                System.out.print("{\"error\":" + JsonText.quoted(e.getMessage()) + "}");
            }
            System.out.flush();
            // Of this exception Karaf prints the first text and a line end to standard output.
            throw new CommandException(json ? "" : e.getMessage(), e.getMessage());
        }
        return null;
    }

    /** Reads options after the subject, which Karaf takes for further arguments. */
    private void readOptionsBehindSubject() throws Misuse {
        json |= words.contains("--json"); // first, because it says how to complain
        for (int i = 1; i < words.size(); i++) {
            String word = words.get(i);
            boolean isLast = i == words.size() - 1;
            if (word.equals("--datastore") && !isLast) {
                datastore = words.get(++i);
            } else if (word.equals("--count") && !isLast) {
                count = words.get(++i);
            } else if (!word.equals("--json")) {
                throw new Misuse("\"" + word + "\": is not an option, or has no value");
            }
        }
    }

    private long records() throws Misuse {
        if (!count.matches("\\d{1,18}")) {
            throw new Misuse("--count = " + count + ": must be a whole number, 0 or more");
        }
        return Long.parseLong(count);
    }

    /** An option is wrong. */
    private static final class Misuse extends IOException {

        private static final long serialVersionUID = 1;

        Misuse(String problem) {
            super(PlainText.of(problem) + USAGE);
        }
    }

    /** The reason why a text is not a subject to subscribe to; null if it is one. */
    static String problem(String subject) {
        String[] tokens = subject.split("\\.", -1);
        for (int i = 0; i < tokens.length; i++) {
            boolean wildcard = tokens[i].equals("*") || tokens[i].equals(">") && i == tokens.length - 1;
            String problem = wildcard ? null : Token.flaw(tokens[i]);
            if (problem != null) {
                return "subject \"" + subject
                        + "\": must be tokens joined by dots, with * for one token and > only at the end; '" + tokens[i]
                        + "' " + problem;
            }
        }
        return null;
    }

    // Two facts about Karaf's shell: a line stays in the session's stream until that stream is flushed, which flushing
    // System.out does not do. And when an ssh session ends, its command continues, unless it asks that stream for
    // errors.
    private final class SessionScreen implements Tail.Screen {
        /** When this bundle stops, the command ends too; nothing else would end it. */
        private final Bundle bundle = context.getBundle();

        @Override
        public void show(Arrival arrival) {
            System.out.println(json ? arrival.json() : arrival.line(LocalTime.now()));
        }

        @Override
        public void note(String text) {
            (json ? System.err : System.out).println("# " + text);
        }

        @Override
        public boolean isWatched() {
            System.out.flush();
            return bundle.getState() == Bundle.ACTIVE && !session.getConsole().checkError(); // which flushes first
        }
    }
}
