using Cloister.Contracts.KmsV2;
using Google.Protobuf;

namespace Cloister.Enclave.Tests.Wire;

/// <summary>KMS v2 messages from a seed.</summary>
internal sealed class RandomMessages
{
    private readonly Random _random;

    internal RandomMessages(int seed)
    {
        _random = new Random(seed);
    }

    internal DecryptRequest DecryptRequest()
    {
        DecryptRequest request = new() { Ciphertext = Bytes(1100), Uid = Text(40), KeyId = Text(60) };
        for (int i = _random.Next(4); i > 0; i--)
        {
            request.Annotations[$"{Text(10)}{i}"] = Bytes(200);
        }

        return request;
    }

    internal EncryptResponse EncryptResponse()
    {
        EncryptResponse response = new() { Ciphertext = Bytes(1100), KeyId = Text(60) };
        for (int i = _random.Next(4); i > 0; i--)
        {
            response.Annotations[$"{Text(10)}{i}"] = Bytes(200);
        }

        return response;
    }

    /// <summary>The message with fields that no version of KMS knows, in front of it and behind it.</summary>
    internal byte[] WithUnknownFields(IMessage message) => [.. UnknownFields(), .. message.ToByteArray(), .. UnknownFields()];

    /// <summary>The message with one to three bytes changed.</summary>
    internal byte[] Changed(byte[] message)
    {
        byte[] changed = [.. message];
        for (int i = _random.Next(1, 4); i > 0 && changed.Length > 0; i--)
        {
            changed[_random.Next(changed.Length)] = (byte)_random.Next(256);
        }

        return changed;
    }

    private byte[] UnknownFields()
    {
        using MemoryStream stream = new();
        using (CodedOutputStream output = new(stream, leaveOpen: true))
        {
            for (int i = _random.Next(4); i > 0; i--)
            {
                int field = _random.Next(3) == 0 ? 536_870_911 : _random.Next(100, 5000);
                switch (_random.Next(4))
                {
                    case 0:
                        output.WriteTag(field, WireFormat.WireType.Varint);
                        output.WriteUInt64((ulong)_random.NextInt64() << _random.Next(2));
                        break;
                    case 1:
                        output.WriteTag(field, WireFormat.WireType.Fixed32);
                        output.WriteFixed32((uint)_random.Next());
                        break;
                    case 2:
                        output.WriteTag(field, WireFormat.WireType.Fixed64);
                        output.WriteFixed64((ulong)_random.NextInt64());
                        break;
                    default:
                        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
                        output.WriteBytes(Bytes(300));
                        break;
                }
            }
        }

        return stream.ToArray();
    }

    private ByteString Bytes(int most)
    {
        byte[] bytes = new byte[_random.Next(most)];
        _random.NextBytes(bytes);
        return ByteString.CopyFrom(bytes);
    }

    private string Text(int most)
    {
        const string Characters = "abcxyz019.-äß漢😀";
        System.Text.StringBuilder text = new();
        System.Text.Rune[] runes = [.. Characters.EnumerateRunes()];
        for (int i = _random.Next(most); i > 0; i--)
        {
            text.Append(runes[_random.Next(runes.Length)].ToString());
        }

        return text.ToString();
    }
}
