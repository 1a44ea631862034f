using System.Buffers;

namespace Cloister.Enclave.Rpc;

/// <summary>
/// One method of a service, free of transport: reads a request message, writes a response message.
/// </summary>
/// <param name="request">The request message; valid until the returned task is done, wiped afterwards.</param>
/// <param name="response">Where the response message goes; wiped once sent.</param>
/// <param name="call">Deadline and cancellation.</param>
/// <exception cref="RpcException">What the caller sees.</exception>
public delegate ValueTask UnaryHandler(ReadOnlyMemory<byte> request, IBufferWriter<byte> response, UnaryCall call);
