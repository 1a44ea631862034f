using Cloister.Enclave.Base;

namespace Cloister.Enclave.Wire.Grpc;

/// <summary>
/// What a handler may know about its call. The deadline costs nothing unless the handler asks for it. Used again for later calls. secrets: none.
/// </summary>
internal sealed class UnaryCall : ICall, IDisposable
{
    private CancellationTokenSource _source = new();
    private TimeSpan? _timeout;

    /// <inheritdoc/>
    public CancellationToken Cancellation
    {
        get
        {
            if (_timeout is { } timeout)
            {
                _timeout = null;
                _source.CancelAfter(timeout);
            }

            return _source.Token;
        }
    }

    /// <summary>Frees the deadline's timer.</summary>
    public void Dispose() => _source.Dispose();

    /// <summary>The caller said that it waits so long.</summary>
    internal void Begin(ReadOnlySpan<byte> timeout) => _timeout = TryParseTimeout(timeout, out TimeSpan parsed) ? parsed : null;

    /// <summary>The caller is gone. What the handler waits for ends on another thread.</summary>
    internal void Abort() => _ = _source.CancelAsync();

    /// <summary>Makes it as new, when no handler has it any more.</summary>
    internal void Reset()
    {
        _timeout = null;
        if (!_source.TryReset())
        {
            _source.Dispose();
            _source = new CancellationTokenSource();
        }
    }

    // "grpc-timeout": 1 to 8 digits and a unit. Source: gRPC over HTTP2, "Requests".
    internal static bool TryParseTimeout(ReadOnlySpan<byte> text, out TimeSpan timeout)
    {
        timeout = default;
        if (text.Length is < 2 or > 9 || text[..^1].ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            return false;
        }

        long value = 0;
        foreach (byte digit in text[..^1])
        {
            value = (10 * value) + (digit - '0');
        }

        long ticks = text[^1] switch
        {
            (byte)'H' => value * TimeSpan.TicksPerHour,
            (byte)'M' => value * TimeSpan.TicksPerMinute,
            (byte)'S' => value * TimeSpan.TicksPerSecond,
            (byte)'m' => value * TimeSpan.TicksPerMillisecond,
            (byte)'u' => value * TimeSpan.TicksPerMicrosecond,
            (byte)'n' => value / TimeSpan.NanosecondsPerTick,
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
