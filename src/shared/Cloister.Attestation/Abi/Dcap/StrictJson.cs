using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Cloister.Attestation.Abi.Dcap;

/// <summary>Reads JSON of known shape: unknown fields, fields that are there twice, comments, trailing commas and deep nesting are errors with path and offset.</summary>
internal static class StrictJson
{
    /// <summary>Reads one object, whose opening brace is current.</summary>
    public delegate T ObjectReader<T>(ref Utf8JsonReader reader, string path);

    public static Utf8JsonReader Open(ReadOnlySpan<byte> utf8) =>
        new(utf8, new JsonReaderOptions { MaxDepth = 12, AllowTrailingCommas = false, CommentHandling = JsonCommentHandling.Disallow });

    public static void Read(ref Utf8JsonReader reader, string path)
    {
        try
        {
            if (!reader.Read())
            {
                throw Error(ref reader, path, "ends early");
            }
        }
        catch (JsonException)
        {
            throw Error(ref reader, path, "not JSON");
        }
    }

    /// <summary>Demands that nothing but white space follows.</summary>
    public static void End(ref Utf8JsonReader reader, string path)
    {
        try
        {
            if (reader.Read())
            {
                throw Error(ref reader, path, "unexpected data follows");
            }
        }
        catch (JsonException)
        {
            throw Error(ref reader, path, "unexpected data follows");
        }
    }

    /// <summary>The next token must open an object.</summary>
    public static void BeginObject(ref Utf8JsonReader reader, string path) => Expect(ref reader, path, JsonTokenType.StartObject);

    /// <summary>The next token must open an array.</summary>
    public static void BeginArray(ref Utf8JsonReader reader, string path) => Expect(ref reader, path, JsonTokenType.StartArray);

    /// <summary>Within an array: whether another element comes; its first token is then current.</summary>
    public static bool NextElement(ref Utf8JsonReader reader, string path)
    {
        Read(ref reader, path);
        return reader.TokenType != JsonTokenType.EndArray;
    }

    /// <summary>An array of at most <paramref name="maximum"/> objects, each read by <paramref name="read"/> from its opening brace on.</summary>
    public static List<T> Objects<T>(ref Utf8JsonReader reader, string path, int maximum, string problem, ObjectReader<T> read)
    {
        List<T> objects = [];
        BeginArray(ref reader, path);
        while (NextElement(ref reader, path))
        {
            if (reader.TokenType != JsonTokenType.StartObject || objects.Count == maximum)
            {
                throw Error(ref reader, path, problem);
            }

            objects.Add(read(ref reader, path));
        }

        return objects;
    }

    /// <summary>Within an object: the index in <paramref name="names"/> of the next field, or -1 at its end. The value's first token is not read yet.</summary>
    public static int NextField(ref Utf8JsonReader reader, JsonFieldNames names, ref uint seen)
    {
        Read(ref reader, names.Path);
        if (reader.TokenType == JsonTokenType.EndObject)
        {
            return -1;
        }

        for (int i = 0; i < names.Count; i++)
        {
            if (!reader.ValueTextEquals(names.Utf8(i)))
            {
                continue;
            }

            if ((seen & (1u << i)) != 0)
            {
                throw Error(ref reader, names.PathOf(i), "there twice");
            }

            seen |= 1u << i;
            return i;
        }

        throw Error(ref reader, names.Path, "unknown field");
    }

    /// <summary>Demands that the fields of <paramref name="required"/> were there.</summary>
    public static void Require(ref Utf8JsonReader reader, JsonFieldNames names, uint seen, uint required)
    {
        for (int i = 0; i < names.Count; i++)
        {
            if ((required & ~seen & (1u << i)) != 0)
            {
                throw Error(ref reader, names.PathOf(i), "missing");
            }
        }
    }

    public static int Number(ref Utf8JsonReader reader, string path, int maximum)
    {
        Expect(ref reader, path, JsonTokenType.Number);
        return reader.TryGetInt32(out int value) && value >= 0 && value <= maximum ? value : throw Error(ref reader, path, $"not an integer between 0 and {maximum}");
    }

    /// <summary>A string without escapes, at most <paramref name="maximum"/> bytes long.</summary>
    public static string Text(ref Utf8JsonReader reader, string path, int maximum) => Encoding.ASCII.GetString(Plain(ref reader, path, maximum));

    /// <summary>A string that must not be longer than <paramref name="maximum"/>, skipped.</summary>
    public static void Skip(ref Utf8JsonReader reader, string path, int maximum)
    {
        Expect(ref reader, path, JsonTokenType.String);
        if (reader.ValueSpan.Length > maximum)
        {
            throw Error(ref reader, path, "too long");
        }
    }

    /// <summary>Exactly <paramref name="length"/> bytes in hex of either case.</summary>
    public static byte[] Hex(ref Utf8JsonReader reader, string path, int length)
    {
        ReadOnlySpan<byte> digits = Plain(ref reader, path, 2 * length);
        byte[] bytes = new byte[length];
        return digits.Length == 2 * length && Convert.FromHexString(digits, bytes, out _, out _) == System.Buffers.OperationStatus.Done
            ? bytes
            : throw Error(ref reader, path, $"not {length} bytes in hex");
    }

    /// <summary>A moment as the PCS API writes it: <c>2025-06-19T10:56:11Z</c>.</summary>
    public static DateTimeOffset Moment(ref Utf8JsonReader reader, string path)
    {
        string text = Text(ref reader, path, 20);
        return DateTimeOffset.TryParseExact(text, "yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset moment)
            ? moment
            : throw Error(ref reader, path, "not a moment like 2025-06-19T10:56:11Z");
    }

    public static EvidenceFormatException Error(ref Utf8JsonReader reader, string path, string problem) =>
        new(path, (int)Math.Min(reader.BytesConsumed, int.MaxValue), problem);

    /// <summary>Refuses an object whose member <c>version</c> is newer than those that are known, before anything else in it: a newer one may have more fields.</summary>
    public static void RefuseNewer(ReadOnlySpan<byte> utf8, string path, ReadOnlySpan<uint> known)
    {
        Utf8JsonReader reader = Open(utf8);
        try
        {
            while (reader.Read())
            {
                if (reader.CurrentDepth == 1 && reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals("version"u8) && reader.Read()
                    && reader.TokenType == JsonTokenType.Number && reader.TryGetUInt32(out uint version) && EvidenceVersions.IsNewer(version, known))
                {
                    throw UnknownVersion(ref reader, path, (int)version, known);
                }
            }
        }
        catch (JsonException)
        {
            // Whoever reads all of it says what is wrong.
        }
    }

    public static EvidenceFormatException UnknownVersion(ref Utf8JsonReader reader, string path, int version, ReadOnlySpan<uint> known) =>
        EvidenceFormatException.UnknownVersion(path, (int)Math.Min(reader.BytesConsumed, int.MaxValue), (uint)version, known);

    private static ReadOnlySpan<byte> Plain(ref Utf8JsonReader reader, string path, int maximum)
    {
        Expect(ref reader, path, JsonTokenType.String);
        ReadOnlySpan<byte> value = reader.ValueSpan;
        return !reader.ValueIsEscaped && value.Length <= maximum && !value.ContainsAnyExceptInRange((byte)0x20, (byte)0x7E)
            ? value
            : throw Error(ref reader, path, $"not a plain string of at most {maximum} characters");
    }

    private static void Expect(ref Utf8JsonReader reader, string path, JsonTokenType type)
    {
        Read(ref reader, path);
        if (reader.TokenType != type)
        {
            throw Error(ref reader, path, $"{reader.TokenType}, expected {type}");
        }
    }
}
