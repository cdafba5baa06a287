package io.fleettelemetry.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KarafJdkTest {

    @TempDir
    private Path directory;

    @Test
    void a_jdk_that_is_named_comes_first() throws IOException {
        Path named = jdk("named", "21.0.4");
        assertEquals(Optional.of(named), KarafJdk.find(named.toString(), jdk("own", "17.0.15"), directory));
    }

    @Test
    void a_jdk_that_is_named_and_too_new_is_an_error_that_says_so() throws IOException {
        Path named = jdk("named", "25");
        var failure = assertThrows(
                IllegalStateException.class, () -> KarafJdk.find(named.toString(), jdk("own", "17.0.15"), directory));
        assertTrue(failure.getMessage().contains("KARAF_JAVA_HOME=" + named), failure.getMessage());
    }

    @Test
    void the_jdk_that_runs_the_tests_is_used_unless_it_is_too_new() throws IOException {
        Path own = jdk("own", "23.0.1");
        assertEquals(Optional.of(own), KarafJdk.find(null, own, directory.resolve("none")));
        Path old = jdk("jvm/java-17", "17.0.15");
        jdk("jvm/java-24", "24");
        jdk("jvm/java-11", "11.0.2");
        assertEquals(Optional.of(old), KarafJdk.find(null, jdk("new", "25.0.1"), directory.resolve("jvm")));
    }

    @Test
    void without_one_there_is_none() throws IOException {
        assertEquals(Optional.empty(), KarafJdk.find(null, jdk("own", "24"), directory.resolve("none")));
        assertEquals(Optional.empty(), KarafJdk.find("", directory.resolve("broken"), directory.resolve("none")));
    }

    private Path jdk(String name, String version) throws IOException {
        Path home = directory.resolve(name);
        Files.createDirectories(home.resolve("bin"));
        Path java = home.resolve("bin/java");
        if (Files.notExists(java)) {
            Files.createFile(java);
        }
        assertTrue(java.toFile().setExecutable(true));
        Files.writeString(home.resolve("release"), "JAVA_VERSION=\"" + version + "\"\n");
        return home;
    }
}
