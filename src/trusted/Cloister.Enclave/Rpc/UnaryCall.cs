namespace Cloister.Enclave.Rpc;

/// <summary>
/// What a handler may know about its call. The deadline costs nothing unless the handler waits for something. secrets: none.
/// </summary>
public sealed class UnaryCall : IDisposable
{
    private CancellationToken _aborted;
    private string? _timeout;
    private CancellationTokenSource? _deadline;

    /// <summary>Cancelled when the caller is gone or its deadline has passed.</summary>
    public CancellationToken Cancellation
    {
        get
        {
            if (_deadline is null)
            {
                if (!TryParseTimeout(_timeout, out TimeSpan timeout))
                {
                    return _aborted;
                }

                _deadline = CancellationTokenSource.CreateLinkedTokenSource(_aborted);
                _deadline.CancelAfter(timeout);
            }

            return _deadline.Token;
        }
    }

    /// <summary>Frees the deadline's timer.</summary>
    public void Dispose()
    {
        _deadline?.Dispose();
        _deadline = null;
        _timeout = null;
        _aborted = default;
    }

    internal void Begin(string? timeout, CancellationToken aborted)
    {
        _aborted = aborted;
        _timeout = timeout;
    }

    // "grpc-timeout": 1 to 8 digits and a unit. Source: gRPC over HTTP2, "Requests".
    internal static bool TryParseTimeout(string? text, out TimeSpan timeout)
    {
        timeout = default;
        if (text is null || text.Length is < 2 or > 9 || text.AsSpan(0, text.Length - 1).ContainsAnyExceptInRange('0', '9'))
        {
            return false;
        }

        long value = long.Parse(text.AsSpan(0, text.Length - 1), System.Globalization.CultureInfo.InvariantCulture);
        long ticks = text[^1] switch
        {
            'H' => value * TimeSpan.TicksPerHour,
            'M' => value * TimeSpan.TicksPerMinute,
            'S' => value * TimeSpan.TicksPerSecond,
            'm' => value * TimeSpan.TicksPerMillisecond,
            'u' => value * TimeSpan.TicksPerMicrosecond,
            'n' => value / TimeSpan.NanosecondsPerTick,
            _ => -1,
        };
        if (ticks < 0)
        {
            return false;
        }

        // A timer's longest span is about 49 days.
        timeout = TimeSpan.FromTicks(Math.Min(ticks, TimeSpan.TicksPerDay * 40));
        return true;
    }
}
