using System.Globalization;
using Cloister.Enclave.Base;

namespace Cloister.Enclave.Tests.Custody;

public sealed class BootTimeTests
{
    [Fact]
    public void It_is_the_kernel_s_time_since_the_start_with_suspensions()
    {
        // /proc/uptime is CLOCK_BOOTTIME with two digits behind the point.
        double before = Uptime();
        double seconds = (double)BootTime.Clock.GetTimestamp() / BootTime.Clock.TimestampFrequency;
        Assert.InRange(seconds, before - 0.02, Uptime() + 0.02);
        Assert.InRange(BootTime.Milliseconds / 1000.0, before - 0.02, Uptime() + 0.02);
    }

    private static double Uptime() => double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0], CultureInfo.InvariantCulture);
}
