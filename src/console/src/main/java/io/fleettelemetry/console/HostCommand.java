package io.fleettelemetry.console;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import io.fleettelemetry.host.TelemetryHost;
import org.apache.karaf.shell.api.action.Action;
import org.apache.karaf.shell.api.action.Option;
import org.apache.karaf.shell.api.action.lifecycle.Reference;
import org.apache.karaf.shell.api.console.Session;
import org.apache.karaf.shell.support.CommandException;

/** What the commands have in common: they ask the host, and answer people or, with {@code --json}, programs. */
abstract class HostCommand implements Action {

    private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

    private static final String NO_HOST =
            "The telemetry host is not there: no bundle offers the service " + TelemetryHost.class.getName();

    // Optional, so that the commands are there, and say what is missing, while the host is not.
    @Reference(optional = true)
    TelemetryHost host;

    @Reference
    Session session;

    @Option(name = "--json", description = "Answer with one JSON object and nothing else")
    boolean json;

    /** How to call it, in one line. */
    abstract String usage();

    /**
     * Does what was asked.
     *
     * @throws Misuse if the options make no sense; nothing was done
     */
    abstract Answer answer() throws Misuse;

    @Override
    public final Object execute() throws CommandException {
        Answer answer;
        try {
            answer = host == null ? Answer.refused(NO_HOST) : answer();
        } catch (Misuse misuse) {
            answer = Answer.refused(misuse.getMessage() + System.lineSeparator() + "usage: " + usage());
        }
        boolean done = answer.complaint().isEmpty();
        if (json) {
            System.out.print(GSON.toJson(answer.facts()) + (done ? System.lineSeparator() : ""));
        } else {
            answer.text().forEach(System.out::println);
        }
        System.out.flush();
        if (!done) {
            // Only an exception makes bin/client exit with an error. Of this one Karaf prints the first text and a line
            // end to standard output, where nothing may stand but the JSON object.
            throw new CommandException(json ? "" : answer.complaint(), answer.complaint());
        }
        return null;
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
