using System.Buffers;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Wire;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Services.Kms;

/// <summary>
/// Kubernetes KMS v1, free of transport: no key_id travels, the EDEK itself names its KEK. Source: k8s.io/kms/apis/v1beta1.
/// secrets: DEKs of API servers pass through in buffers that are wiped.
/// </summary>
public sealed class KmsV1Service
{
    private const string ApiVersion = "v1beta1";
    private const string RuntimeName = "cloister";

    private readonly KmsEngine _engine;
    private readonly string _runtimeVersion;

    /// <summary>Serves with an engine.</summary>
    /// <param name="engine">Keys.</param>
    /// <param name="runtimeVersion">Version of this program, semantic.</param>
    public KmsV1Service(KmsEngine engine, string runtimeVersion)
    {
        _engine = engine;
        _runtimeVersion = runtimeVersion;
    }

    /// <summary>The methods by gRPC path.</summary>
    public IEnumerable<KeyValuePair<string, ServiceMethod>> Methods =>
    [
        new("/v1beta1.KeyManagementService/Version", VersionAsync),
        new("/v1beta1.KeyManagementService/Encrypt", EncryptAsync),
        new("/v1beta1.KeyManagementService/Decrypt", DecryptAsync),
    ];

    private ValueTask VersionAsync(ReadOnlyMemory<byte> request, IBufferWriter<byte> response, ICall call)
    {
        Read(request.Span);
        ProtoWriter writer = new(response);
        writer.String(1, ApiVersion);
        writer.String(2, RuntimeName);
        writer.String(3, _runtimeVersion);
        return ValueTask.CompletedTask;
    }

    private async ValueTask EncryptAsync(ReadOnlyMemory<byte> request, IBufferWriter<byte> response, ICall call)
    {
        ReadOnlyMemory<byte> plaintext = request[Read(request.Span)];
        using IMemoryOwner<byte> edek = MemoryPool<byte>.Shared.Rent(Edek.MaxSize);
        EncryptResult result = await _engine.EncryptAsync(plaintext, edek.Memory, call.Cancellation);
        new ProtoWriter(response).Bytes(1, edek.Memory.Span[..result.Length]);
    }

    private async ValueTask DecryptAsync(ReadOnlyMemory<byte> request, IBufferWriter<byte> response, ICall call)
    {
        Range cipher = Read(request.Span);
        using SecretBuffer plaintext = SecretBuffer.Rent();
        int length = await _engine.DecryptAsync(request[cipher], given: null, plaintext.Memory, call.Cancellation);
        new ProtoWriter(response).Bytes(1, plaintext.Memory.Span[..length]);
    }

    // All requests of v1 have the version in field 1 and, but for Version, their bytes in field 2.
    private static Range Read(ReadOnlySpan<byte> message)
    {
        string version = "";
        Range bytes = default;
        try
        {
            ProtoReader reader = new(message);
            while (reader.Next())
            {
                switch (reader.Field)
                {
                    case 1:
                        version = reader.String();
                        break;
                    case 2:
                        bytes = reader.BytesRange();
                        break;
                    default:
                        reader.Skip();
                        break;
                }
            }
        }
        catch (WireException e)
        {
            throw new FailureException(FailureKind.Invalid, $"the request is not a KMS v1 message: {e.Message}");
        }

        return version == ApiVersion
            ? bytes
            : throw new FailureException(FailureKind.Invalid, $"the request's version is not {ApiVersion}");
    }
}
