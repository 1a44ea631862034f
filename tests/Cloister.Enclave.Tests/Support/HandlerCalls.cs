using System.Buffers;
using Cloister.Enclave.Base;
using Cloister.Enclave.Wire.Grpc;
using Google.Protobuf;

namespace Cloister.Enclave.Tests.Support;

/// <summary>Unary handlers, called without a transport.</summary>
internal sealed class HandlerCalls
{
    private readonly Dictionary<string, ServiceMethod> _methods;

    internal HandlerCalls(IEnumerable<KeyValuePair<string, ServiceMethod>> methods)
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
            return new CallResult(null, "", response.WrittenSpan.ToArray());
        }
        catch (FailureException e)
        {
            return new CallResult(e.Kind, e.Message, []);
        }
    }

    internal Task<CallResult> CallAsync(string path, IMessage request) => CallAsync(path, request.ToByteArray());
}
