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

/** The common base of the commands. They answer people or, with {@code --json}, programs. */
abstract class TelemetryCommand implements Action {

    private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

    @Reference
    Session session;

    @Option(name = "--json", description = "Print one JSON object and nothing else")
    boolean json;

    /** The usage of the command, in one line. */
    abstract String usage();

    /**
     * Runs the command.
     *
     * @throws Misuse if the options are wrong; nothing was done then
     */
    abstract Answer answer() throws Misuse;

    /** The reason why the command cannot run now, whatever the options are; empty if it can. */
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
            // Only an exception makes bin/client exit with an error. Karaf prints the first text of this one, and a
            // line end, to standard output, where only the JSON object may be.
            String complaint =
                    answer.complaint().stream().map(PlainText::of).collect(Collectors.joining(System.lineSeparator()));
            throw new CommandException(json ? "" : complaint, complaint);
        }
        return null;
    }

    /**
     * Shows people a line before the answer.
     *
     * @return whether the output is still open
     */
    // Two facts about Karaf's shell: a line stays in the session's stream until that stream is flushed, which flushing
    // System.out does not do. And when an ssh session ends, its command continues, unless it asks that stream for
    // errors.
    final boolean show(String line) {
        System.out.println(PlainText.of(line));
        System.out.flush();
        return !session.getConsole().checkError(); // which flushes first
    }

    /** An option is wrong. */
    static final class Misuse extends Exception {

        private static final long serialVersionUID = 1;

        /**
         * @param option the name of the option
         * @param value the given value; null if there is none
         * @param reason the problem
         */
        Misuse(String option, Object value, String reason) {
            super(option + (value == null ? "" : " \"" + value + "\"") + ": " + reason);
        }
    }
}
