using System.Buffers;
using Cloister.Contracts.KmsV2;
using Cloister.Contracts.Wire;
using Google.Protobuf;

namespace Cloister.Enclave.Tests.Wire;

/// <summary>Our reader and writer against the generated messages.</summary>
public sealed class ProtoAgreementTests
{
    private const int Rounds = 2000;

    [Fact]
    public void Reads_what_the_generated_messages_write_and_skips_unknown_fields()
    {
        RandomMessages random = new(1);
        for (int i = 0; i < Rounds; i++)
        {
            DecryptRequest expected = random.DecryptRequest();
            Assert.Equal(expected, Read(random.WithUnknownFields(expected)));
        }
    }

    [Fact]
    public void Writes_what_the_generated_messages_read()
    {
        RandomMessages random = new(2);
        for (int i = 0; i < Rounds; i++)
        {
            EncryptResponse expected = random.EncryptResponse();
            ArrayBufferWriter<byte> output = new();
            ProtoWriter writer = new(output);
            writer.Bytes(1, expected.Ciphertext.Span);
            writer.String(2, expected.KeyId);
            foreach ((string key, ByteString value) in expected.Annotations)
            {
                writer.MapEntry(3, key, value.Span);
            }

            Assert.Equal(expected, EncryptResponse.Parser.ParseFrom(output.WrittenSpan));
            Assert.Equal(expected.ToByteArray().Length, output.WrittenCount);
        }
    }

    [Fact]
    public void The_last_of_several_values_counts()
    {
        byte[] twice =
        [
            .. new DecryptRequest { Ciphertext = ByteString.CopyFromUtf8("first"), KeyId = "a" }.ToByteArray(),
            .. new DecryptRequest { Ciphertext = ByteString.CopyFromUtf8("second"), KeyId = "b" }.ToByteArray(),
        ];
        Assert.Equal(DecryptRequest.Parser.ParseFrom(twice), Read(twice));
    }

    [Fact]
    public void A_message_truncated_anywhere_reads_only_where_the_generated_parser_reads_it_and_then_the_same()
    {
        RandomMessages random = new(3);
        int refused = 0;
        for (int i = 0; i < 20; i++)
        {
            byte[] message = random.WithUnknownFields(random.DecryptRequest());
            for (int length = 0; length < message.Length; length++)
            {
                byte[] cut = message[..length];
                DecryptRequest? expected = Generated(cut);
                DecryptRequest? read = Ours(cut);
                Assert.Equal(expected, read);
                refused += read is null ? 1 : 0;
            }
        }

        Assert.True(refused > 1000, $"only {refused} truncations were refused");
    }

    // Ours may refuse more (a known field of another wire type, a length of more than 32 bits), never read something else.
    [Fact]
    public void A_changed_message_is_refused_or_reads_as_the_generated_parser_reads_it()
    {
        RandomMessages random = new(4);
        int accepted = 0;
        int refused = 0;
        for (int i = 0; i < 5 * Rounds; i++)
        {
            byte[] changed = random.Changed(random.DecryptRequest().ToByteArray());
            if (Ours(changed) is not { } read)
            {
                refused++;
                continue;
            }

            accepted++;
            Assert.Equal(DecryptRequest.Parser.WithDiscardUnknownFields(true).ParseFrom(changed), read);
        }

        Assert.True(accepted > 1000 && refused > 100, $"{accepted} accepted, {refused} refused: the changes test nothing");
    }

    private static DecryptRequest? Generated(byte[] message)
    {
        try
        {
            return DecryptRequest.Parser.WithDiscardUnknownFields(true).ParseFrom(message);
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }

    private static DecryptRequest? Ours(byte[] message)
    {
        try
        {
            return Read(message);
        }
        catch (WireException)
        {
            return null;
        }
    }

    private static DecryptRequest Read(byte[] message)
    {
        DecryptRequest request = new();
        ProtoReader reader = new(message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    request.Ciphertext = ByteString.CopyFrom(message[reader.BytesRange()]);
                    break;
                case 2:
                    request.Uid = reader.String();
                    break;
                case 3:
                    request.KeyId = reader.String();
                    break;
                case 4:
                    ReadAnnotation(reader.Bytes(), request);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        Assert.Equal(message.Length, reader.Position);
        return request;
    }

    private static void ReadAnnotation(ReadOnlySpan<byte> entry, DecryptRequest request)
    {
        string key = "";
        ByteString value = ByteString.Empty;
        ProtoReader reader = new(entry);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    key = reader.String();
                    break;
                case 2:
                    value = ByteString.CopyFrom(reader.Bytes());
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        request.Annotations[key] = value;
    }
}
