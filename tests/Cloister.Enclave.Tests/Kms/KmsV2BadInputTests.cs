using System.Text;
using Cloister.Contracts.KmsV2;
using Cloister.Enclave.Base;
using Cloister.Enclave.Tests.Support;
using Google.Protobuf;

namespace Cloister.Enclave.Tests.Kms;

/// <summary>One row for each way in which a KMS v2 request can be wrong, and the one status it gets.</summary>
public sealed class KmsV2BadInputTests : IDisposable
{
    private const string ForeignKeyId = "cl1-00112233445566778899aabbccddeeff";

    private readonly KmsFixture _kms = new();

    public void Dispose() => _kms.Dispose();

    public static TheoryData<string, string, FailureKind?> Requests => new()
    {
        { "Status", "raw 80", FailureKind.Invalid },
        { "Status", "raw 0b0c", FailureKind.Invalid },
        { "Status", "raw 0a05", FailureKind.Invalid },
        { "Encrypt", "raw ", FailureKind.Invalid },
        { "Encrypt", "raw 0a05414243", FailureKind.Invalid },
        { "Encrypt", "raw 0801", FailureKind.Invalid },
        { "Encrypt", "raw 0a0141ff", FailureKind.Invalid },
        { "Encrypt", "plaintext 0", FailureKind.Invalid },
        { "Encrypt", "plaintext 962", null },
        { "Encrypt", "plaintext 963", FailureKind.Invalid },
        { "Encrypt", "plaintext 1024", FailureKind.Invalid },
        { "Encrypt", "plaintext 1048577", FailureKind.Invalid },
        { "Decrypt", "raw ", FailureKind.Invalid },
        { "Decrypt", "raw 0a0541", FailureKind.Invalid },
        { "Decrypt", "raw 1a02ff41", FailureKind.Invalid },
        { "Decrypt", "as it is", null },
        { "Decrypt", "ciphertext empty", FailureKind.Invalid },
        { "Decrypt", "ciphertext of 22 bytes", FailureKind.Invalid },
        { "Decrypt", "ciphertext of 62 bytes", FailureKind.Invalid },
        { "Decrypt", "ciphertext of 1025 bytes", FailureKind.Invalid },
        { "Decrypt", "ciphertext one byte longer", FailureKind.Invalid },
        { "Decrypt", "ciphertext one byte shorter", FailureKind.Invalid },
        { "Decrypt", "byte 0 = 0", FailureKind.Invalid },
        { "Decrypt", "byte 3 = 0", FailureKind.Invalid },
        { "Decrypt", "byte 4 = 0", FailureKind.Invalid },
        { "Decrypt", "byte 4 = 2", FailureKind.Invalid },
        { "Decrypt", "byte 5 = 0", FailureKind.Invalid },
        { "Decrypt", "byte 5 = 2", FailureKind.Invalid },
        { "Decrypt", "byte 5 = 3", FailureKind.Invalid },
        { "Decrypt", "byte 5 = 4", FailureKind.Invalid },
        { "Decrypt", "byte 5 = 255", FailureKind.Invalid },
        { "Decrypt", "key_id empty", FailureKind.Invalid },
        { "Decrypt", "key_id of another plugin", FailureKind.NotFound },
        { "Decrypt", "key_id of 1024 bytes", FailureKind.NotFound },
        { "Decrypt", "key_id in upper case", FailureKind.NotFound },
        { "Decrypt", "key_id of another KEK", FailureKind.Invalid },
        { "Decrypt", "KEK that is not here", FailureKind.NotFound },
        { "Decrypt", "annotation a.b", null },
        { "Decrypt", "annotation 10.0.0.1", null },
        { "Decrypt", "annotation a-b.c-d", null },
        { "Decrypt", "annotation label of 63.com", null },
        { "Decrypt", "annotation label of 64.com", FailureKind.Invalid },
        { "Decrypt", "annotation name of 254", FailureKind.Invalid },
        { "Decrypt", "annotation com", FailureKind.Invalid },
        { "Decrypt", "annotation ", FailureKind.Invalid },
        { "Decrypt", "annotation .com", FailureKind.Invalid },
        { "Decrypt", "annotation a.", FailureKind.Invalid },
        { "Decrypt", "annotation a..b", FailureKind.Invalid },
        { "Decrypt", "annotation A.b", FailureKind.Invalid },
        { "Decrypt", "annotation a_b.c", FailureKind.Invalid },
        { "Decrypt", "annotation -a.b", FailureKind.Invalid },
        { "Decrypt", "annotation a.b-", FailureKind.Invalid },
        { "Decrypt", "annotation a.b/c", FailureKind.Invalid },
        { "Decrypt", "annotation ä.b", FailureKind.Invalid },
        { "Decrypt", "annotations of 32768 bytes", null },
        { "Decrypt", "annotations of 32769 bytes", FailureKind.Invalid },
        { "Decrypt", "annotation without a key", FailureKind.Invalid },
        { "Decrypt", "annotation that is malformed", FailureKind.Invalid },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task Each_request_has_one_status(string method, string what, FailureKind? expected)
    {
        byte[] edek = await _kms.EdekAsync();
        CallResult result = await _kms.Services.CallAsync(KmsServices.V2 + method, Bytes(method, what, [.. edek]));
        Assert.Equal(expected, result.Code);
        Assert.Equal(expected == null, result.Message.Length == 0);
        KmsFixture.ShowsNothing(result.Message, edek);

        // Whatever came, the next good call is answered.
        Assert.Null((await _kms.DecryptAsync(edek)).Code);
    }

    [Fact]
    public async Task A_request_truncated_anywhere_is_refused_or_lacks_only_what_may_be_left_out()
    {
        byte[] edek = await _kms.EdekAsync();
        DecryptRequest request = _kms.Request(edek);
        request.Uid = "";
        byte[] message = request.ToByteArray();
        for (int length = 0; length < message.Length; length++)
        {
            CallResult result = await _kms.Services.CallAsync(KmsServices.V2 + "Decrypt", message[..length]);
            Assert.Equal(FailureKind.Invalid, result.Code);
            KmsFixture.ShowsNothing(result.Message, edek);
        }
    }

    [Fact]
    public async Task Every_flipped_bit_of_the_header_is_refused()
    {
        byte[] edek = await _kms.EdekAsync();
        for (int bit = 0; bit < 22 * 8; bit++)
        {
            edek[bit / 8] ^= (byte)(1 << (bit % 8));
            CallResult result = await _kms.DecryptAsync(edek);
            Assert.Equal(FailureKind.Invalid, result.Code);
            KmsFixture.ShowsNothing(result.Message, edek);
            edek[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        Assert.Null((await _kms.DecryptAsync(edek)).Code);
    }

    private byte[] Bytes(string method, string what, byte[] edek)
    {
        if (what.StartsWith("raw ", StringComparison.Ordinal))
        {
            return Convert.FromHexString(what[4..]);
        }

        if (method == "Encrypt")
        {
            byte[] plaintext = new byte[int.Parse(what.Split(' ')[1])];
            return new EncryptRequest { Plaintext = ByteString.CopyFrom(plaintext), Uid = "u" }.ToByteArray();
        }

        DecryptRequest request = _kms.Request(edek);
        string[] words = what.Split(' ');
        switch (words[0])
        {
            case "as":
                break;
            case "byte":
                edek[int.Parse(words[1])] = byte.Parse(words[3]);
                request.Ciphertext = ByteString.CopyFrom(edek);
                break;
            case "ciphertext":
                request.Ciphertext = ByteString.CopyFrom(words[^1] switch
                {
                    "empty" => [],
                    "longer" => [.. edek, 0],
                    "shorter" => edek[..^1],
                    _ => [.. edek.Concat(new byte[1025]).Take(int.Parse(words[2]))],
                });
                break;
            case "key_id":
                request.KeyId = what switch
                {
                    "key_id empty" => "",
                    "key_id of another plugin" => "their-key-1",
                    "key_id of 1024 bytes" => new string('k', 1024),
                    "key_id in upper case" => request.KeyId.ToUpperInvariant(),
                    _ => ForeignKeyId,
                };
                break;
            case "KEK":
                Convert.FromHexString(ForeignKeyId[4..]).CopyTo(edek, 6);
                request.Ciphertext = ByteString.CopyFrom(edek);
                request.KeyId = ForeignKeyId;
                break;
            default:
                return [.. request.ToByteArray(), .. Annotations(what)];
        }

        return request.ToByteArray();
    }

    private static byte[] Annotations(string what)
    {
        DecryptRequest request = new();
        switch (what)
        {
            case "annotation without a key":
                return [0x22, 0x03, 0x12, 0x01, 0x41];
            case "annotation that is malformed":
                return [0x22, 0x02, 0x0A, 0x09];
            case "annotation label of 63.com":
                request.Annotations[new string('a', 63) + ".com"] = ByteString.CopyFrom(1);
                break;
            case "annotation label of 64.com":
                request.Annotations[new string('a', 64) + ".com"] = ByteString.CopyFrom(1);
                break;
            case "annotation name of 254":
                request.Annotations[string.Join('.', Enumerable.Repeat(new string('a', 50), 5))[..254]] = ByteString.CopyFrom(1);
                break;
            case "annotations of 32768 bytes" or "annotations of 32769 bytes":
                request.Annotations["a.b"] = ByteString.CopyFrom(new byte[16_000]);
                request.Annotations["c.d"] = ByteString.CopyFrom(new byte[int.Parse(what.Split(' ')[2]) - 16_006]);
                break;
            default:
                request.Annotations[what["annotation ".Length..]] = ByteString.CopyFrom(Encoding.UTF8.GetBytes("TOPSECRET"));
                break;
        }

        return request.ToByteArray();
    }
}
