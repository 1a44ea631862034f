using System.Buffers;

namespace Cloister.Cli.Relay;

/// <summary>One direction of a relayed connection.</summary>
internal static class RelayDirection
{
    private const int SmallBuffer = 8 * 1024;
    private const int LargeBuffer = 128 * 1024;
    private const int RoundsWithoutWaiting = 16;

    /// <summary>Copies until the source ends, then ends the destination's input. On an error the other direction is cancelled too.</summary>
    internal static async Task CopyAsync(RelayEnd source, RelayEnd destination, Action<int> sent, CancellationTokenSource either)
    {
        // Most connections carry small messages or nothing: the large buffer comes with the first full read.
        byte[] buffer = ArrayPool<byte>.Shared.Rent(SmallBuffer);
        try
        {
            for (int rounds = 0; ;)
            {
                ValueTask<int> receiving = source.ReceiveAsync(buffer, either.Token);
                rounds = receiving.IsCompleted ? rounds + 1 : 0;
                int received = await receiving;
                if (rounds == RoundsWithoutWaiting)
                {
                    // A source that never pauses would keep the polling thread, and every other connection on it, to itself.
                    rounds = 0;
                    await Task.Yield();
                }

                if (received == 0)
                {
                    await destination.EndAsync();
                    return;
                }

                await destination.SendAsync(buffer.AsMemory(0, received), either.Token);
                sent(received);
                if (received == buffer.Length && buffer.Length < LargeBuffer)
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = ArrayPool<byte>.Shared.Rent(LargeBuffer);
                }
            }
        }
        catch
        {
            await either.CancelAsync();
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
