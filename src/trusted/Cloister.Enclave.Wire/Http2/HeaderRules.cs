using System.Buffers;
using System.Buffers.Text;

namespace Cloister.Enclave.Wire.Http2;

/// <summary>What makes headers malformed. Source: RFC 9113, sections 8.1 to 8.3. Stateless. secrets: none.</summary>
internal static class HeaderRules
{
    // RFC 9110's token, without capitals.
    private static readonly SearchValues<byte> NameBytes = SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"u8);
    private static readonly SearchValues<byte> ForbiddenInValues = SearchValues.Create("\0\r\n"u8);

    /// <summary>True for the headers that begin a request.</summary>
    internal static bool IsRequest(List<HeaderField> fields)
    {
        (int method, int scheme, int path, int authority) = (0, 0, 0, 0);
        bool regular = false;
        foreach (HeaderField field in fields)
        {
            if (!IsField(field, ref regular, out bool pseudo))
            {
                return false;
            }

            if (pseudo)
            {
                switch (field.Name.AsSpan())
                {
                    case var name when name.SequenceEqual(":method"u8):
                        method++;
                        break;
                    case var name when name.SequenceEqual(":scheme"u8):
                        scheme++;
                        break;
                    case var name when name.SequenceEqual(":path"u8) && field.Value.Length > 0:
                        path++;
                        break;
                    case var name when name.SequenceEqual(":authority"u8):
                        authority++;
                        break;
                    default:
                        return false;
                }
            }
        }

        bool connect = fields.Exists(field => field.Is(":method"u8) && field.Value.AsSpan().SequenceEqual("CONNECT"u8));
        return (method, scheme, path) == (connect ? (1, 0, 0) : (1, 1, 1)) && (connect ? authority == 1 : authority <= 1);
    }

    /// <summary>The bytes that content-length announces, or null without it.</summary>
    /// <returns>False when it is not one number.</returns>
    internal static bool TryLength(List<HeaderField> fields, out long? length)
    {
        length = null;
        foreach (HeaderField field in fields)
        {
            if (field.Is("content-length"u8))
            {
                if (length is not null || !Utf8Parser.TryParse(field.Value, out long value, out int read) || read != field.Value.Length || value < 0
                    || field.Value.AsSpan().ContainsAnyExceptInRange((byte)'0', (byte)'9'))
                {
                    return false;
                }

                length = value;
            }
        }

        return true;
    }

    /// <summary>True for the headers that begin a response.</summary>
    internal static bool IsResponse(List<HeaderField> fields)
    {
        int status = 0;
        bool regular = false;
        foreach (HeaderField field in fields)
        {
            if (!IsField(field, ref regular, out bool pseudo))
            {
                return false;
            }

            if (pseudo)
            {
                // 101 changes the protocol, which HTTP/2 cannot. Source: RFC 9113, section 8.6.
                bool valid = field.Is(":status"u8) && field.Value.Length == 3 && !field.Value.AsSpan().ContainsAnyExceptInRange((byte)'0', (byte)'9')
                    && !field.Value.AsSpan().SequenceEqual("101"u8);
                if (!valid)
                {
                    return false;
                }

                status++;
            }
        }

        return status == 1;
    }

    /// <summary>True for the headers that end a message.</summary>
    internal static bool IsTrailers(List<HeaderField> fields)
    {
        bool regular = false;
        foreach (HeaderField field in fields)
        {
            if (!IsField(field, ref regular, out bool pseudo) || pseudo)
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsField(HeaderField field, ref bool regular, out bool pseudo)
    {
        pseudo = field.Name.Length > 1 && field.Name[0] == ':';
        ReadOnlySpan<byte> name = pseudo ? field.Name.AsSpan(1) : field.Name;
        if (name.IsEmpty || name.ContainsAnyExcept(NameBytes) || (pseudo && regular))
        {
            return false;
        }

        regular |= !pseudo;
        ReadOnlySpan<byte> value = field.Value;
        if (value.ContainsAny(ForbiddenInValues) || (!value.IsEmpty && (value[0] is (byte)' ' or (byte)'\t' || value[^1] is (byte)' ' or (byte)'\t')))
        {
            return false;
        }

        return !IsOfConnection(name, value);
    }

    private static bool IsOfConnection(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) =>
        name.SequenceEqual("connection"u8) || name.SequenceEqual("keep-alive"u8) || name.SequenceEqual("proxy-connection"u8)
        || name.SequenceEqual("transfer-encoding"u8) || name.SequenceEqual("upgrade"u8)
        || (name.SequenceEqual("te"u8) && !value.SequenceEqual("trailers"u8));
}
