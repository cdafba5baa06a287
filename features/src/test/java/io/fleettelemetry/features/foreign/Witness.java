package io.fleettelemetry.features.foreign;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.management.ManagementFactory;
import java.lang.ref.WeakReference;
import java.lang.runtime.ObjectMethods;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Dictionary;
import java.util.Hashtable;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import javax.management.ObjectName;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleEvent;
import org.osgi.framework.BundleReference;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.SynchronousBundleListener;
import org.osgi.framework.wiring.BundleWiring;

/**
 * A foreign bundle that was there before ours. Its commands show what our bundles have in the JVM:
 * {@code witness:loaders}, {@code witness:threads}, {@code witness:services} and {@code witness:mbeans}, a line for each.
 */
public final class Witness implements BundleActivator, SynchronousBundleListener {

    /** One class loader that a bundle of ours has had. */
    private record Seen(String bundle, int number, WeakReference<ClassLoader> loader) {}

    /** A record with a class of its own, and one of the JDK's, behind which there is no other. */
    private record Own(Seen seen, String text) {}

    private final List<Seen> seen = new CopyOnWriteArrayList<>();
    private BundleContext context;

    @Override
    public void start(BundleContext context) {
        this.context = context;
        context.addBundleListener(this);
        Dictionary<String, Object> properties = new Hashtable<>();
        properties.put("osgi.command.scope", "witness");
        properties.put("osgi.command.function", new String[] {"loaders", "threads", "services", "mbeans"});
        context.registerService(Object.class, this, properties);
    }

    @Override
    public void bundleChanged(BundleEvent event) {
        String name = event.getBundle().getSymbolicName();
        if (event.getType() != BundleEvent.RESOLVED || !name.startsWith("io.fleettelemetry.")) {
            return;
        }
        ClassLoader loader = event.getBundle().adapt(BundleWiring.class).getClassLoader();
        if (loader != null) { // a fragment has none
            int number =
                    (int) seen.stream().filter(one -> one.bundle.equals(name)).count() + 1;
            seen.add(new Seen(name, number, new WeakReference<>(loader)));
        }
    }

    /** Each class loader that was there, with {@code gone} or {@code there} behind it. */
    public void loaders() throws Throwable {
        letTheJdkForget();
        System.gc();
        print(seen.stream()
                .map(one -> one.bundle + " " + one.number + " " + (one.loader.get() == null ? "gone" : "there")));
    }

    /**
     * The JDK itself holds what a record's {@code equals} and {@code hashCode} compared when they were linked last, of all
     * records in the JVM: JDK 17 its class, and that of its last component which is no primitive (JDK-8078641); JDK 18 and
     * later the same of the last component whose class is not the JDK's, softly, so that it goes when memory is needed. Now
     * they hold ours.
     */
    private static void letTheJdkForget() throws Throwable {
        MethodHandles.Lookup lookup = MethodHandles.lookup();
        MethodHandle seen = lookup.findGetter(Own.class, "seen", Seen.class);
        MethodHandle text = lookup.findGetter(Own.class, "text", String.class);
        for (String method : List.of("equals", "hashCode")) {
            ObjectMethods.bootstrap(lookup, method, MethodHandle.class, Own.class, "seen;text", seen, text);
        }
    }

    /** Each thread, and the bundle whose class loader is its context, or where else that is from. */
    public void threads() {
        print(Thread.getAllStackTraces().keySet().stream()
                .map(thread -> thread.getName() + "\t" + owner(thread.getContextClassLoader()))
                .sorted());
    }

    private static String owner(ClassLoader loader) {
        return loader instanceof BundleReference bundle
                ? bundle.getBundle().getSymbolicName()
                : loader == null ? "nobody" : loader.getClass().getName();
    }

    /** Whose services there are, and what they are. */
    public void services() throws InvalidSyntaxException {
        ServiceReference<?>[] all = context.getAllServiceReferences(null, null);
        print(Stream.of(all)
                .map(service -> service.getBundle().getSymbolicName() + " "
                        + Arrays.toString((String[]) service.getProperty("objectClass")))
                .sorted());
    }

    public void mbeans() {
        List<String> names = new ArrayList<>();
        for (ObjectName name : ManagementFactory.getPlatformMBeanServer().queryNames(null, null)) {
            names.add(name.getCanonicalName());
        }
        print(names.stream().sorted());
    }

    private static void print(Stream<String> lines) {
        lines.forEach(System.out::println); // the shell sees to it that its user gets it
    }

    @Override
    public void stop(BundleContext context) {
        context.removeBundleListener(this);
    }
}
