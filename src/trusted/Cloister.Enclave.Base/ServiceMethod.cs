using System.Buffers;

namespace Cloister.Enclave.Base;

/// <summary>What a method may know about its call.</summary>
public interface ICall
{
    /// <summary>Cancelled when the caller is gone or its deadline has passed. The deadline costs nothing unless this is asked for.</summary>
    CancellationToken Cancellation { get; }
}

/// <summary>
/// One method of a service, free of transport: reads a request message, writes a response message.
/// </summary>
/// <param name="request">The request message; valid until the returned task is done, wiped afterwards.</param>
/// <param name="response">Where the response message goes; wiped once sent.</param>
/// <param name="call">Deadline and cancellation.</param>
/// <exception cref="FailureException">What the caller sees.</exception>
public delegate ValueTask ServiceMethod(ReadOnlyMemory<byte> request, IBufferWriter<byte> response, ICall call);
