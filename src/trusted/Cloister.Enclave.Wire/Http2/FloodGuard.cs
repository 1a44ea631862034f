namespace Cloister.Enclave.Wire.Http2;

/// <summary>
/// Ends connections whose peer makes work that leads to nothing: resets, pings, settings, empty frames. Not thread-safe. secrets: none.
/// </summary>
internal sealed class FloodGuard
{
    internal const int PerSecond = 2000;

    private long _second = Environment.TickCount64 / 1000;
    private int _count;

    /// <exception cref="Http2Exception">Too many within a second.</exception>
    internal void Count()
    {
        long now = Environment.TickCount64 / 1000;
        if (now != _second)
        {
            (_second, _count) = (now, 0);
        }

        if (++_count > PerSecond)
        {
            throw new Http2Exception(PeerFault.Flood);
        }
    }
}
