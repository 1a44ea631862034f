namespace Cloister.Cli.Etcd.Rewrap;

/// <summary>Spaces writes evenly: each wakes every watch of an API server.</summary>
internal sealed class WriteRate
{
    private readonly TimeProvider _time;
    private readonly TimeSpan _between;
    private long? _next;

    /// <param name="perSecond">Writes a second at most; 0 for no limit.</param>
    /// <param name="time">The clock.</param>
    internal WriteRate(int perSecond, TimeProvider time)
    {
        _time = time;
        _between = perSecond == 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(1.0 / perSecond);
    }

    /// <summary>Waits until one more write may be made.</summary>
    internal async Task WaitAsync(CancellationToken cancellation)
    {
        if (_between == TimeSpan.Zero)
        {
            return;
        }

        long now = _time.GetTimestamp();
        long due = Math.Max(_next ?? now, now);
        _next = due + (long)(_between.TotalSeconds * _time.TimestampFrequency);
        if (due > now)
        {
            await Task.Delay(_time.GetElapsedTime(now, due), _time, cancellation);
        }
    }
}
