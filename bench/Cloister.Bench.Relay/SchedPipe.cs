using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Cloister.Bench.Relay;

/// <summary>The round trip of two processes over pipes, as <c>perf bench sched pipe</c> measures it: two wake-ups, what a relay cannot do without.</summary>
internal sealed class SchedPipe
{
    private const int Loops = 20_000;

    private readonly List<double> _microseconds = [];

    internal bool IsInstalled => _microseconds.Count > 0;

    internal double Median => _microseconds.Order().ElementAt(_microseconds.Count / 2);

    internal double Best => _microseconds.Min();

    internal void Measure()
    {
        try
        {
            using Process perf = Process.Start(new ProcessStartInfo("perf", ["bench", "-f", "simple", "sched", "pipe", "-l", $"{Loops}"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            string output = perf.StandardOutput.ReadToEnd();
            perf.WaitForExit();
            if (double.TryParse(output, CultureInfo.InvariantCulture, out double seconds))
            {
                _microseconds.Add(seconds * 1e6 / Loops);
            }
        }
        catch (Win32Exception)
        {
            // perf is not installed.
        }
    }
}
