using System.Buffers;
using Cloister.Enclave.Rpc;
using Google.Protobuf;

namespace Cloister.Enclave.Tests.Support;

/// <summary>Unary handlers, called without a transport.</summary>
internal sealed class HandlerCalls
{
    private readonly Dictionary<string, UnaryHandler> _methods;

    internal HandlerCalls(IEnumerable<KeyValuePair<string, UnaryHandler>> methods)
    {
        _methods = new(methods);
    }

    internal IEnumerable<string> Paths => _methods.Keys;

    internal async Task<CallResult> CallAsync(string path, byte[] request)
    {
        ArrayBufferWriter<byte> response = new();
        using UnaryCall call = new();
        try
        {
            await _methods[path](request, response, call);
            return new CallResult(StatusCode.Ok, "", response.WrittenSpan.ToArray());
        }
        catch (RpcException e)
        {
            return new CallResult(e.Code, e.Message, []);
        }
    }

    internal Task<CallResult> CallAsync(string path, IMessage request) => CallAsync(path, request.ToByteArray());
}
