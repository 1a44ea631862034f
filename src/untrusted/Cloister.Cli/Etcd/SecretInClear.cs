using System.Text.Json;
using Cloister.Contracts.Wire;

namespace Cloister.Cli.Etcd;

/// <summary>
/// Tells a Secret in clear by what it says of itself, wherever it stands: an API server with another --etcd-prefix, a second cluster in the same etcd.
/// secrets: the value may be one; no part of it is kept or told.
/// </summary>
internal static class SecretInClear
{
    private static ReadOnlySpan<byte> ProtobufPrefix => "k8s\0"u8;

    internal static bool Is(ReadOnlySpan<byte> value) =>
        value.StartsWith(ProtobufPrefix) ? IsProtobuf(value[ProtobufPrefix.Length..]) : value.TrimStart(" \t\r\n"u8).StartsWith("{"u8) && IsJson(value);

    // runtime.Unknown: typeMeta 1 with apiVersion 1 and kind 2.
    private static bool IsProtobuf(ReadOnlySpan<byte> message)
    {
        try
        {
            ProtoReader reader = new(message);
            while (reader.Next())
            {
                if (reader.Field != 1)
                {
                    reader.Skip();
                    continue;
                }

                ProtoReader type = new(reader.Bytes());
                (bool version, bool kind) = (false, false);
                while (type.Next())
                {
                    ReadOnlySpan<byte> text = type.Bytes();
                    version |= type.Field == 1 && text.SequenceEqual("v1"u8);
                    kind |= type.Field == 2 && text.SequenceEqual("Secret"u8);
                }

                return version && kind;
            }
        }
        catch (WireException)
        {
            // No object of an API server.
        }

        return false;
    }

    private static bool IsJson(ReadOnlySpan<byte> text)
    {
        try
        {
            Utf8JsonReader reader = new(text);
            (bool version, bool kind) = (false, false);
            while (reader.Read())
            {
                if (reader.CurrentDepth != 1 || reader.TokenType != JsonTokenType.PropertyName)
                {
                    continue;
                }

                (bool isVersion, bool isKind) = (reader.ValueTextEquals("apiVersion"u8), reader.ValueTextEquals("kind"u8));
                if (!reader.Read())
                {
                    break;
                }

                version |= isVersion && reader.TokenType == JsonTokenType.String && reader.ValueTextEquals("v1"u8);
                kind |= isKind && reader.TokenType == JsonTokenType.String && reader.ValueTextEquals("Secret"u8);
                reader.Skip();
            }

            return version && kind;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
