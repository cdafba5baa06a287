package io.fleettelemetry.console;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.StringReader;
import java.util.List;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CfgTextTest {

    private static final String FILE = """
            # A file. url = nothing, because this is prose.

            # Servers.
            url = nats://localhost:4222

            # Routes: records.<type> = <datastore>
            records.V = nats
              records.alerts : nats, \\
                 logger

            #reliable_ack_sources.V = nats

            # ---- the end
            #verbose = false
            """;

    @Test
    void only_the_line_of_a_changed_key_changes() {
        CfgText text = new CfgText(FILE);
        text.set("url", "nats://10.0.0.1:4222");
        assertEquals(FILE.replace("localhost", "10.0.0.1"), text.toString());
        assertEquals(List.of("- url = nats://localhost:4222", "+ url = nats://10.0.0.1:4222"), text.difference());
    }

    @Test
    void a_key_takes_the_place_of_its_default() {
        CfgText text = new CfgText(FILE);
        text.set("verbose", "true");
        assertEquals(FILE.replace("#verbose = false", "verbose = true"), text.toString());
        assertEquals(List.of("- #verbose = false", "+ verbose = true"), text.difference());
    }

    @Test
    void a_key_without_a_place_goes_to_its_family_or_to_the_end() {
        CfgText text = new CfgText(FILE);
        text.set("reliable_ack_sources.alerts", "nats");
        text.set("records.errors", "nats");
        text.set("name", "n");
        assertEquals(
                FILE.replace(
                                        "#reliable_ack_sources.V = nats\n",
                                        "#reliable_ack_sources.V = nats\nreliable_ack_sources.alerts = nats\n")
                                .replace("     logger\n", "     logger\nrecords.errors = nats\n")
                        + "name = n\n",
                text.toString());
    }

    @Test
    void the_same_value_is_no_change_however_it_is_written() {
        CfgText text = new CfgText(FILE);
        text.set("records.alerts", "nats,logger");
        text.set("url", "nats://localhost:4222");
        text.removeFamily("records.", key -> true);
        assertEquals(List.of(), text.difference());
        assertEquals(FILE, text.toString());
    }

    @Test
    void a_value_on_several_lines_is_replaced_whole() {
        CfgText text = new CfgText(FILE);
        text.set("records.alerts", "logger");
        assertEquals(
                FILE.replace("  records.alerts : nats, \\\n     logger\n", "records.alerts = logger\n"),
                text.toString());
        assertEquals(List.of("- records.alerts = nats, logger", "+ records.alerts = logger"), text.difference());
    }

    @Test
    void a_family_is_removed_but_for_what_is_kept() {
        CfgText text = new CfgText(FILE);
        text.removeFamily("records.", key -> key.equals("records.V"));
        text.removeFamily("reliable_ack_sources.", key -> false);
        assertEquals(FILE.replace("  records.alerts : nats, \\\n     logger\n", ""), text.toString());
        assertEquals(List.of("- records.alerts = nats, logger"), text.difference());
    }

    @Test
    void of_a_key_that_is_there_twice_the_last_counts() {
        CfgText text = new CfgText("a = 1\na = 2\n");
        text.set("a", "2");
        assertEquals(List.of(), text.difference());
        text.set("a", "3");
        assertEquals("a = 1\na = 3\n", text.toString());
    }

    @Test
    void line_ends_and_foreign_characters_stay_as_they_are() {
        CfgText text = new CfgText("# gr\u00fc\u00dfe\r\na = 1\r\nb=2");
        text.set("a", "3");
        text.set("c", "4");
        assertEquals("# gr\u00fc\u00dfe\r\na = 3\r\nb=2\r\nc = 4\r\n", text.toString());
    }

    @Test
    void an_empty_file_can_be_filled() {
        CfgText text = new CfgText("");
        text.set("a", "1");
        assertEquals("a = 1\n", text.toString());
    }

    @Test
    void a_line_that_nobody_can_read_stays() {
        CfgText text = new CfgText("a = \\u12\nb = 1\n");
        text.set("b", "2");
        assertEquals("a = \\u12\nb = 2\n", text.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"plain", "back\\slash\\", "fl\u00f6tte \u20ac", "a=b:c#d!e", "\"quoted\"", "tab\there"})
    void keys_and_values_are_read_back_as_they_were_meant(String value) throws Exception {
        CfgText text = new CfgText("");
        text.set(value, value);
        text.set("#first", "1");
        Properties properties = new Properties();
        properties.load(new StringReader(text.toString()));
        assertEquals(value, properties.getProperty(value));
        assertEquals("1", properties.getProperty("#first"));
        CfgText again = new CfgText(text.toString());
        again.set(value, value);
        assertEquals(List.of(), again.difference());
    }

    @Test
    void a_difference_shows_no_secret() {
        CfgText text = new CfgText("""
                url = nats://me:p@ss/w,ord@a:1,b:2
                .password = s3cret
                #.token = t0ken
                """);
        text.set("url", "me:s3cret@b:2");
        text.set(".password", "0ther");
        text.set(".token", "");
        assertEquals(
                List.of(
                        "- url = nats://(hidden)@a:1,b:2",
                        "+ url = (hidden)@b:2",
                        "- .password = (hidden)",
                        "+ .password = (hidden)",
                        "- #.token = (hidden)",
                        "+ .token ="),
                text.difference());
    }
}
