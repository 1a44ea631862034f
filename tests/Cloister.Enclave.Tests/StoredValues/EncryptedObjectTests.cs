using System.Buffers;
using Cloister.Contracts.StoredValueV2;
using Cloister.Contracts.StoredValues;
using Cloister.Contracts.Wire;
using Google.Protobuf;
using Generated = Cloister.Contracts.StoredValueV2.EncryptedObject;
using Ours = Cloister.Contracts.StoredValues.EncryptedObject;

namespace Cloister.Enclave.Tests.StoredValues;

public sealed class EncryptedObjectTests
{
    [Theory]
    [InlineData(EncryptedDEKSourceType.AesGcmKey, DekSourceType.AesGcmKey)]
    [InlineData(EncryptedDEKSourceType.HkdfSha256XnonceAesGcmSeed, DekSourceType.HkdfSha256Seed)]
    public void Reads_what_the_generated_message_writes(EncryptedDEKSourceType written, DekSourceType read)
    {
        Generated value = Valid();
        value.EncryptedDEKSourceType = written;
        value.Annotations["tee.cloister.dev"] = ByteString.CopyFromUtf8("sgx");
        Ours parsed = Ours.Parse(value.ToByteArray());
        Assert.Equal(value.EncryptedData.ToByteArray(), parsed.Data.ToArray());
        Assert.Equal(value.KeyID, parsed.KeyIdText);
        Assert.Equal(value.EncryptedDEKSource.ToByteArray(), parsed.Edek.ToArray());
        Assert.Equal(read, parsed.SourceType);
        Assert.Equal("tee.cloister.dev".Length + 3, parsed.AnnotationsSize);
    }

    [Fact]
    public void Writes_exactly_what_the_generated_message_writes()
    {
        Generated expected = Valid();
        expected.EncryptedDEKSourceType = EncryptedDEKSourceType.HkdfSha256XnonceAesGcmSeed;
        ArrayBufferWriter<byte> output = new();
        Ours.Write(output, expected.EncryptedData.Span, expected.KeyID, expected.EncryptedDEKSource.Span);
        Assert.Equal(expected.ToByteArray(), output.WrittenSpan.ToArray());
    }

    public static TheoryData<string, bool> Limits => new()
    {
        { "edek 1024", true },
        { "edek 1025", false },
        { "edek 0", false },
        { "key_id 1024", true },
        { "key_id 1025", false },
        { "key_id 513 characters of 2 bytes", false },
        { "key_id 0", false },
        { "annotations 32768", true },
        { "annotations 32769", false },
        { "data 0", false },
        { "type 2", false },
        { "type -1", false },
    };

    [Theory]
    [MemberData(nameof(Limits))]
    public void Limits_of_the_API_server(string what, bool accepted)
    {
        Generated value = Valid();
        switch (what.Split(' '))
        {
            case ["edek", var length]:
                value.EncryptedDEKSource = Zeros(length);
                break;
            case ["key_id", var length, "characters", ..]:
                value.KeyID = new string('ä', int.Parse(length));
                break;
            case ["key_id", var length]:
                value.KeyID = new string('a', int.Parse(length));
                break;
            case ["annotations", var length]:
                value.Annotations["a.bc"] = Zeros("28764");
                value.Annotations["b.cd"] = ByteString.CopyFrom(new byte[int.Parse(length) - 4 - 4 - 28_764]);
                break;
            case ["data", var length]:
                value.EncryptedData = Zeros(length);
                break;
            case ["type", var number]:
                value.EncryptedDEKSourceType = (EncryptedDEKSourceType)int.Parse(number);
                break;
            default:
                Assert.Fail($"no such case: {what}");
                break;
        }

        byte[] body = value.ToByteArray();
        if (accepted)
        {
            Ours.Parse(body);
        }
        else
        {
            Assert.Throws<WireException>(() => { Ours.Parse(body); });
        }
    }

    [Fact]
    public void Truncated_anywhere_it_is_refused()
    {
        byte[] body = Valid().ToByteArray();
        for (int length = 0; length < body.Length; length++)
        {
            byte[] cut = body[..length];
            Assert.Throws<WireException>(() => { Ours.Parse(cut); });
        }

        Ours.Parse(body);
    }

    private static ByteString Zeros(string length) => ByteString.CopyFrom(new byte[int.Parse(length)]);

    private static Generated Valid() => new()
    {
        EncryptedData = ByteString.CopyFrom(1, 2, 3, 4),
        KeyID = "cl1-00112233445566778899aabbccddeeff",
        EncryptedDEKSource = ByteString.CopyFrom(5, 6, 7),
    };
}
