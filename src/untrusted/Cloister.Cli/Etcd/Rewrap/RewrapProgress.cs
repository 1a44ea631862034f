using System.Globalization;
using Spectre.Console;

namespace Cloister.Cli.Etcd.Rewrap;

/// <summary>How far a run is, on standard error: a bar on a terminal, elsewhere a line at most once a second.</summary>
internal sealed class RewrapProgress
{
    private const int BetweenLines = 1000;

    private readonly IAnsiConsole _console;
    private readonly bool _terminal;
    private readonly TimeProvider _time;

    /// <param name="console">Where it is shown.</param>
    /// <param name="terminal">Whether a bar can be drawn there.</param>
    /// <param name="time">For lines.</param>
    internal RewrapProgress(IAnsiConsole console, bool terminal, TimeProvider time)
    {
        _console = console;
        _terminal = terminal;
        _time = time;
    }

    /// <summary>Runs to the end and shows how far it is.</summary>
    internal Task RunAsync(EtcdRewrap rewrap, CancellationToken cancellation) =>
        _terminal ? WithBarAsync(rewrap, cancellation) : WithLinesAsync(rewrap, cancellation);

    private static string What(RewrapCounts counts) =>
        string.Create(CultureInfo.InvariantCulture, $"{counts.Rewrapped + counts.Encrypted} written, {counts.Current} current already");

    private static string Of(EtcdRewrap rewrap) => string.Create(CultureInfo.InvariantCulture, $"{rewrap.Counts.Keys} of {rewrap.Total} keys");

    private Task WithBarAsync(EtcdRewrap rewrap, CancellationToken cancellation) => _console.Progress()
        .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
        .StartAsync(async context =>
        {
            ProgressTask task = context.AddTask("reading etcd");
            await rewrap.RunAsync(
                () =>
                {
                    task.MaxValue = Math.Max(rewrap.Total, 1);
                    task.Value = rewrap.Counts.Keys;
                    task.Description = $"{Of(rewrap)}, {What(rewrap.Counts)}";
                },
                cancellation);
            task.Value = task.MaxValue;
        });

    private Task WithLinesAsync(EtcdRewrap rewrap, CancellationToken cancellation)
    {
        long last = _time.GetTimestamp();
        return rewrap.RunAsync(
            () =>
            {
                if (_time.GetElapsedTime(last).TotalMilliseconds < BetweenLines)
                {
                    return;
                }

                last = _time.GetTimestamp();
                long percent = rewrap.Counts.Keys * 100 / Math.Max(rewrap.Total, 1);
                Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"cloister: {Of(rewrap)} ({percent} %), {What(rewrap.Counts)}"));
            },
            cancellation);
    }
}
