package io.fleettelemetry.console;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import io.fleettelemetry.api.kit.PlainText;
import java.util.stream.Collectors;
import org.apache.karaf.shell.api.action.Action;
import org.apache.karaf.shell.api.action.Option;
import org.apache.karaf.shell.api.action.lifecycle.Reference;
import org.apache.karaf.shell.api.console.Session;
import org.apache.karaf.shell.support.CommandException;

/** What the commands have in common: they answer people or, with {@code --json}, programs. */
abstract class TelemetryCommand implements Action {

    private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

    @Reference
    Session session;

    @Option(name = "--json", description = "Print one JSON object and nothing else")
    boolean json;

    /** How to call it, in one line. */
    abstract String usage();

    /**
     * Does what was asked.
     *
     * @throws Misuse if the options make no sense; nothing was done
     */
    abstract Answer answer() throws Misuse;

    /** Says why nothing can be done at this moment, whatever the options are; empty if that is not so. */
    String obstacle() {
        return "";
    }

    @Override
    public final Object execute() throws CommandException {
        Answer answer;
        try {
            answer = obstacle().isEmpty() ? answer() : Answer.refused(obstacle());
        } catch (Misuse misuse) {
            answer = Answer.refused(misuse.getMessage(), "usage: " + usage());
        }
        boolean done = answer.complaint().isEmpty();
        if (json) {
            System.out.print(PlainText.json(GSON.toJson(answer.facts())) + (done ? System.lineSeparator() : ""));
        } else {
            answer.text().forEach(line -> System.out.println(PlainText.of(line)));
        }
        System.out.flush();
        if (!done) {
            // Only an exception makes bin/client exit with an error. Of this one Karaf prints the first text and a line
            // end to standard output, where nothing may stand but the JSON object.
            String complaint =
                    answer.complaint().stream().map(PlainText::of).collect(Collectors.joining(System.lineSeparator()));
            throw new CommandException(json ? "" : complaint, complaint);
        }
        return null;
    }

    /**
     * Shows people a line before the answer.
     *
     * @return whether anybody is still there to read it
     */
    // Two facts of Karaf's shell: a line stays in the session's stream until that is flushed, which flushing System.out
    // does not do; and when an ssh session goes away its command goes on, unless it asks that stream for errors.
    final boolean show(String line) {
        System.out.println(PlainText.of(line));
        System.out.flush();
        return !session.getConsole().checkError(); // which flushes first
    }

    /** An option that makes no sense. */
    static final class Misuse extends Exception {

        private static final long serialVersionUID = 1;

        /**
         * @param option its name
         * @param value what was given; null if nothing was
         * @param reason what is wrong with it
         */
        Misuse(String option, Object value, String reason) {
            super(option + (value == null ? "" : " \"" + value + "\"") + ": " + reason);
        }
    }
}
