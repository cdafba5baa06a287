package io.fleettelemetry.host.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.osgi.framework.BundleContext;

class MetricsTest {

    /** The host's own classes once more, in a place where a package is missing. */
    private static final class Without extends URLClassLoader {

        private final String missing;

        Without(String missing) {
            super(
                    new URL[] {
                        Metrics.class.getProtectionDomain().getCodeSource().getLocation()
                    },
                    MetricsTest.class.getClassLoader());
            this.missing = missing;
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (name.startsWith(missing)) {
                throw new ClassNotFoundException(name);
            }
            if (!name.startsWith("io.fleettelemetry.host.internal.")) {
                return super.loadClass(name, resolve);
            }
            Class<?> loaded = findLoadedClass(name);
            return loaded == null ? findClass(name) : loaded;
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"io.prometheus.client.", "io.prometheus.client.exporter.common."})
    void without_one_of_the_prometheus_bundles_there_is_no_endpoint_and_the_status_says_why(String missing)
            throws ReflectiveOperationException, IOException {
        Services services = new Services();
        List<String> shown = new ArrayList<>();
        try (Without loader = new Without(missing)) {
            Class<?> shownType = loader.loadClass(Metrics.Shown.class.getName());
            Object show = Proxy.newProxyInstance(loader, new Class<?>[] {shownType}, (proxy, method, arguments) -> {
                shown.add(arguments[0] + "|" + arguments[1]);
                return null;
            });
            Class<?> counts = loader.loadClass(Counts.class.getName());
            Constructor<?> newCounts = counts.getDeclaredConstructor();
            newCounts.setAccessible(true);
            Class<?> type = loader.loadClass(Metrics.class.getName());
            Method orEndpoint = loader.loadClass(NoMetrics.class.getName())
                    .getDeclaredMethod("orEndpoint", BundleContext.class, counts, shownType);
            orEndpoint.setAccessible(true);
            Object metrics = orEndpoint.invoke(null, services.context, newCounts.newInstance(), show);
            Method listen = type.getDeclaredMethod("listen", String.class, int.class);
            listen.setAccessible(true);
            listen.invoke(metrics, "127.0.0.1", 9273);
            Method close = type.getDeclaredMethod("close");
            close.setAccessible(true);
            close.invoke(metrics);
        }
        assertEquals(1, shown.size());
        assertTrue(
                shown.get(0).startsWith("|prometheus_metrics_port = 9273: the Prometheus client bundles"),
                shown.get(0));
        assertEquals(0, services.count());
        assertFalse(Thread.getAllStackTraces().keySet().stream()
                .anyMatch(thread -> thread.getName().startsWith("telemetry-metrics")));
    }
}
