using System.Buffers;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Contracts.StoredValues;
using Cloister.Contracts.Wire;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Services.Kms;

/// <summary>
/// Kubernetes KMS v2, free of transport. Source: k8s.io/kms/apis/v2, KEP-3299. secrets: seeds and DEKs of API servers pass through in
/// buffers that are wiped.
/// </summary>
public sealed class KmsV2Service
{
    /// <summary>Annotation on every EDEK that says in which TEE it was made.</summary>
    public const string TeeAnnotation = "tee.cloister.dev";

    private const string ApiVersion = "v2";
    private const int UidField = 2;

    private readonly KmsEngine _engine;
    private readonly byte[] _tee;

    /// <summary>Serves with an engine.</summary>
    public KmsV2Service(KmsEngine engine)
    {
        _engine = engine;
        _tee = System.Text.Encoding.UTF8.GetBytes(engine.Tee);
    }

    /// <summary>The methods by gRPC path.</summary>
    public IEnumerable<KeyValuePair<string, ServiceMethod>> Methods =>
    [
        new("/v2.KeyManagementService/Status", StatusAsync),
        new("/v2.KeyManagementService/Encrypt", EncryptAsync),
        new("/v2.KeyManagementService/Decrypt", DecryptAsync),
    ];

    private ValueTask StatusAsync(ReadOnlyMemory<byte> request, IBufferWriter<byte> response, ICall call)
    {
        CheckFields(request.Span);
        CustodyStatus status = _engine.Custody.Status;
        if (status.KeyId is null)
        {
            throw status.ToException();
        }

        ProtoWriter writer = new(response);
        writer.String(1, ApiVersion);
        writer.String(2, status.Healthz);
        writer.String(3, status.KeyId);
        return ValueTask.CompletedTask;
    }

    private async ValueTask EncryptAsync(ReadOnlyMemory<byte> request, IBufferWriter<byte> response, ICall call)
    {
        try
        {
            ReadOnlyMemory<byte> plaintext = request[ReadEncryptRequest(request.Span)];
            using IMemoryOwner<byte> edek = MemoryPool<byte>.Shared.Rent(Edek.MaxSize);
            EncryptResult result = await _engine.EncryptAsync(plaintext, edek.Memory, call.Cancellation);

            ProtoWriter writer = new(response);
            writer.Bytes(1, edek.Memory.Span[..result.Length]);
            writer.String(2, result.KeyId);
            writer.MapEntry(3, TeeAnnotation, _tee);
        }
        catch (FailureException e)
        {
            e.RequestUid = ReadUid(request.Span);
            throw;
        }
    }

    private async ValueTask DecryptAsync(ReadOnlyMemory<byte> request, IBufferWriter<byte> response, ICall call)
    {
        try
        {
            (Range ciphertext, KeyFingerprint kek) = ReadDecryptRequest(request.Span);
            using SecretBuffer plaintext = SecretBuffer.Rent();
            int length = await _engine.DecryptAsync(request[ciphertext], kek, plaintext.Memory, call.Cancellation);
            new ProtoWriter(response).Bytes(1, plaintext.Memory.Span[..length]);
        }
        catch (FailureException e)
        {
            e.RequestUid = ReadUid(request.Span);
            throw;
        }
    }

    // Field 2 of both requests, by which the API server's log and this one's are put together. Read only when there is something to log, and logged only
    // where it is a UUID, as API servers send: nothing else of a request gets into the log.
    private static string ReadUid(ReadOnlySpan<byte> message)
    {
        ReadOnlySpan<byte> uid = default;
        try
        {
            ProtoReader reader = new(message);
            while (reader.Next())
            {
                if (reader.Field == UidField)
                {
                    uid = reader.Bytes();
                }
                else
                {
                    reader.Skip();
                }
            }
        }
        catch (WireException)
        {
            // What came before the fault is as good.
        }

        return IsUuid(uid) ? PrintableText.Of(uid) : "";
    }

    // 8, 4, 4, 4 and 12 hexadecimal digits.
    private static bool IsUuid(ReadOnlySpan<byte> text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (i is 8 or 13 or 18 or 23 ? text[i] != (byte)'-' : !char.IsAsciiHexDigit((char)text[i]))
            {
                return false;
            }
        }

        return text.Length == 36;
    }

    private static void CheckFields(ReadOnlySpan<byte> message)
    {
        try
        {
            ProtoReader reader = new(message);
            while (reader.Next())
            {
                reader.Skip();
            }
        }
        catch (WireException e)
        {
            throw Malformed(e);
        }
    }

    private static Range ReadEncryptRequest(ReadOnlySpan<byte> message)
    {
        try
        {
            Range plaintext = default;
            ProtoReader reader = new(message);
            while (reader.Next())
            {
                switch (reader.Field)
                {
                    case 1:
                        plaintext = reader.BytesRange();
                        break;
                    default:
                        reader.Skip();
                        break;
                }
            }

            return plaintext;
        }
        catch (WireException e)
        {
            throw Malformed(e);
        }
    }

    private static (Range Ciphertext, KeyFingerprint Kek) ReadDecryptRequest(ReadOnlySpan<byte> message)
    {
        Range ciphertext = default;
        string keyId = "";
        int annotations = 0;
        try
        {
            ProtoReader reader = new(message);
            while (reader.Next())
            {
                switch (reader.Field)
                {
                    case 1:
                        ciphertext = reader.BytesRange();
                        break;
                    case 3:
                        keyId = reader.String();
                        break;
                    case 4:
                        annotations += KmsRules.CheckAnnotation(reader.Bytes());
                        break;
                    default:
                        reader.Skip();
                        break;
                }
            }
        }
        catch (WireException e)
        {
            throw Malformed(e);
        }

        if (annotations > EncryptedObject.MaxAnnotationsSize)
        {
            throw new FailureException(FailureKind.Invalid, $"annotations have {annotations} bytes, at most {EncryptedObject.MaxAnnotationsSize} are allowed");
        }

        if (keyId.Length == 0)
        {
            throw new FailureException(FailureKind.Invalid, "key_id is empty");
        }

        return KeyId.TryParse(keyId, out KeyFingerprint kek)
            ? (ciphertext, kek)
            : throw new FailureException(FailureKind.NotFound, "key_id is not one of this plugin: the value was written by another plugin under the same provider name");
    }

    private static FailureException Malformed(WireException e) =>
        new(FailureKind.Invalid, $"the request is not a KMS v2 message: {e.Message}");
}
