using System.Collections.Concurrent;
using Cloister.Enclave.Base;

namespace Cloister.Enclave.Services.Secrets;

/// <summary>What one call needs between request and response; used again for later calls. secrets: a plaintext at a time, wiped after each.</summary>
internal sealed class ValueBuffers : IDisposable
{
    private static readonly ConcurrentBag<ValueBuffers> Free = [];

    private ValueBuffers()
    {
    }

    /// <summary>A plaintext.</summary>
    internal WipedBuffer Plaintext { get; } = new(SecretsService.MaxMessageSize);

    /// <summary>A stored value.</summary>
    internal WipedBuffer Stored { get; } = new(SecretsService.MaxMessageSize);

    /// <summary>A message inside the response.</summary>
    internal WipedBuffer Message { get; } = new(SecretsService.MaxMessageSize);

    internal static ValueBuffers Rent() => Free.TryTake(out ValueBuffers? buffers) ? buffers : new ValueBuffers();

    internal void Reset()
    {
        Plaintext.Reset();
        Stored.Reset();
        Message.Reset();
    }

    public void Dispose()
    {
        Reset();
        Free.Add(this);
    }
}
