package io.fleettelemetry.api.kit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.net.URL;
import java.net.URLClassLoader;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ThreadsTest {

    private final Threads threads = new Threads(ThreadsTest.class);

    @Test
    void a_thread_has_the_class_loader_of_its_bundle_and_not_that_of_whoever_makes_it() throws Exception {
        ClassLoader before = Thread.currentThread().getContextClassLoader();
        try (URLClassLoader others = new URLClassLoader(new URL[0])) {
            Thread.currentThread().setContextClassLoader(others);
            List<ClassLoader> seen = new CopyOnWriteArrayList<>();
            Thread thread =
                    threads.of("test-own", () -> seen.add(Thread.currentThread().getContextClassLoader()));
            assertNotSame(others, thread.getContextClassLoader());
            thread.start();
            thread.join();
            assertSame(ThreadsTest.class.getClassLoader(), seen.get(0));
            assertNull(thread.getContextClassLoader(), "at its end it has none");
        } finally {
            Thread.currentThread().setContextClassLoader(before);
        }
    }

    @Test
    void each_bundle_knows_its_own_threads_from_those_of_others() throws Exception {
        Threads others = new Threads(ThreadsTest.class);
        assertFalse(threads.isOwn());
        List<Boolean> own = new CopyOnWriteArrayList<>();
        Thread thread = threads.of("test-own", () -> own.addAll(List.of(threads.isOwn(), others.isOwn())));
        thread.start();
        thread.join();
        assertEquals(List.of(true, false), own);
    }

    @Test
    void executors_leave_no_thread() throws Exception {
        ExecutorService one = threads.oneWhenNeeded("test-one");
        ExecutorService each = threads.oneForEachTask("test-each");
        Future<String> name = each.submit(() -> Thread.currentThread().getName());
        assertEquals(
                "test-one", one.submit(() -> Thread.currentThread().getName()).get());
        assertEquals("test-each1", name.get(20, TimeUnit.SECONDS));
        Threads.end(one);
        Threads.end(each);
        assertEquals(true, one.isTerminated());
    }
}
