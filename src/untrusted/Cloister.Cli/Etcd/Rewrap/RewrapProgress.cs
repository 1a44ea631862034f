namespace Cloister.Cli.Etcd.Rewrap;

/// <summary>A line on standard error at most once a second: on a terminal the same one again.</summary>
internal sealed class RewrapProgress
{
    private readonly RewrapCounts _counts;
    private long _last = Environment.TickCount64;
    private bool _written;

    internal RewrapProgress(RewrapCounts counts)
    {
        _counts = counts;
    }

    internal void Show()
    {
        if (Environment.TickCount64 - _last < 1000)
        {
            return;
        }

        _last = Environment.TickCount64;
        string line = $"cloister: {_counts.Keys} keys seen, {_counts.Rewrapped + _counts.Encrypted} written, {_counts.Current} current already";
        if (Console.IsErrorRedirected)
        {
            Console.Error.WriteLine(line);
        }
        else
        {
            Console.Error.Write($"\r{line}");
            _written = true;
        }
    }

    /// <summary>Ends the line on a terminal.</summary>
    internal void End()
    {
        if (_written)
        {
            Console.Error.WriteLine();
        }
    }
}
