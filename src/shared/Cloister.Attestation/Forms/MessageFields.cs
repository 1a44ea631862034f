using System.Text;
using System.Text.Json;
using Cloister.Attestation.Abi;

namespace Cloister.Attestation.Forms;

/// <summary>
/// The fields of one protobuf message, from its wire format (protobuf.dev, Encoding) or from its JSON (ProtoJSON: lowerCamelCase or the original names, 64-bit
/// numbers as text, bytes as base64). Every field must be asked for: what has no place in the bytes that were signed is an error, not ignored.
/// </summary>
internal sealed class MessageFields
{
    private const int MaximumFields = 64;

    private readonly Dictionary<string, List<Value>> _values = new(StringComparer.Ordinal);
    private readonly string _path;
    private readonly bool _isJson;

    private MessageFields(string path, bool isJson)
    {
        _path = path;
        _isJson = isJson;
    }

    private readonly record struct Value(ulong Number, ReadOnlyMemory<byte> Bytes, JsonElement Json, bool IsNumber);

    public static MessageFields OfJson(JsonElement json, string path)
    {
        MessageFields fields = new(path, isJson: true);
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw fields.Error("", "not an object");
        }

        foreach (JsonProperty member in json.EnumerateObject())
        {
            if (member.Value.ValueKind != JsonValueKind.Null)
            {
                fields.Add(Plain(member.Name), new Value(0, default, member.Value, IsNumber: false));
            }
        }

        return fields;
    }

    public static MessageFields OfWire(ReadOnlyMemory<byte> message, string path)
    {
        MessageFields fields = new(path, isJson: false);
        ReadOnlySpan<byte> rest = message.Span;
        while (!rest.IsEmpty)
        {
            ulong tag = fields.Varint(ref rest);
            string number = (tag >> 3).ToString(System.Globalization.CultureInfo.InvariantCulture);
            switch (tag & 7)
            {
                case 0:
                    fields.Add(number, new Value(fields.Varint(ref rest), default, default, IsNumber: true));
                    break;
                case 2:
                    ulong length = fields.Varint(ref rest);
                    if (length > (ulong)rest.Length)
                    {
                        throw fields.Error(number, "ends early");
                    }

                    fields.Add(number, new Value(0, message.Slice(message.Length - rest.Length, (int)length), default, IsNumber: false));
                    rest = rest[(int)length..];
                    break;
                default:
                    throw fields.Error(number, $"wire type {tag & 7}, which the message has not");
            }
        }

        return fields;
    }

    public bool Has(int number, string name) => _values.ContainsKey(Key(number, name));

    /// <summary>A number of at most <paramref name="length"/> bytes; 0 when it is not there.</summary>
    public ulong Number(int number, string name, int length)
    {
        if (Single(number, name) is not { } value)
        {
            return 0;
        }

        ulong read = 0;
        bool isNumber = _isJson
            ? value.Json.ValueKind == JsonValueKind.Number ? value.Json.TryGetUInt64(out read)
                : value.Json.ValueKind == JsonValueKind.String && ulong.TryParse(value.Json.GetString(), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out read)
            : value.IsNumber;
        read = _isJson ? read : value.Number;
        return isNumber && (length == sizeof(ulong) || read >> (8 * length) == 0) ? read : throw Error(name, $"not a number of {length} bytes");
    }

    /// <summary>Bytes of any length; none when it is not there.</summary>
    public ReadOnlyMemory<byte> Bytes(int number, string name) => Single(number, name) is { } value ? BytesOf(value, name) : default;

    /// <summary>Exactly so many bytes.</summary>
    public ReadOnlyMemory<byte> Bytes(int number, string name, int length) =>
        Bytes(number, name) is var bytes && bytes.Length == length ? bytes : throw Error(name, $"{bytes.Length} bytes, expected {length}");

    /// <summary>Repeated bytes.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> List(int number, string name)
    {
        List<Value> values = Take(number, name);
        return _isJson && values.Count > 0
            ? values[0].Json.ValueKind == JsonValueKind.Array && values[0].Json.GetArrayLength() <= MaximumFields
                ? [.. values[0].Json.EnumerateArray().Select(item => BytesOf(new Value(0, default, item, false), name))]
                : throw Error(name, "not a list")
            : [.. values.Select(value => BytesOf(value, name))];
    }

    /// <summary>A message; null when it is not there.</summary>
    public MessageFields? Message(int number, string name) => Single(number, name) is not { } value ? null
        : _isJson ? OfJson(value.Json, $"{_path}.{name}")
        : value.IsNumber ? throw Error(name, "not a message")
        : OfWire(value.Bytes, $"{_path}.{name}");

    /// <summary>A message that has to be there.</summary>
    public MessageFields Required(int number, string name) => Message(number, name) ?? throw Error(name, "missing");

    /// <summary>Leaves a field out that says nothing of what was signed.</summary>
    public void Skip(int number, string name) => _values.Remove(Key(number, name));

    /// <summary>Demands that every field was asked for.</summary>
    public void End()
    {
        if (_values.Count > 0)
        {
            throw Error(_values.Keys.First(), "has no place in what is known of this message");
        }
    }

    public EvidenceFormatException Error(string name, string problem) => new(name.Length > 0 ? $"{_path}.{name}" : _path, 0, problem);

    private Value? Single(int number, string name) => Take(number, name) switch
    {
        [] => null,
        [{ } one] => one,
        _ => throw Error(name, "there twice"),
    };

    private List<Value> Take(int number, string name) => _values.Remove(Key(number, name), out List<Value>? values) ? values : [];

    private string Key(int number, string name) => _isJson ? Plain(name) : number.ToString(System.Globalization.CultureInfo.InvariantCulture);

    // lower_snake_case and lowerCamelCase name the same field.
    private static string Plain(string name) => name.Replace("_", "", StringComparison.Ordinal).ToUpperInvariant();

    private ReadOnlyMemory<byte> BytesOf(Value value, string name)
    {
        if (!_isJson)
        {
            return value.IsNumber ? throw Error(name, "not bytes") : value.Bytes;
        }

        string text = value.Json.ValueKind == JsonValueKind.String ? value.Json.GetString()! : throw Error(name, "not base64");
        return text.Length == 0 ? default(ReadOnlyMemory<byte>) : TextForms.FromBase64(Encoding.UTF8.GetBytes(text)) ?? throw Error(name, "not base64");
    }

    private void Add(string key, Value value)
    {
        if (!_values.TryGetValue(key, out List<Value>? values))
        {
            _values.Add(key, values = []);
        }

        if (_values.Count > MaximumFields || values.Count >= MaximumFields || (_isJson && values.Count > 0))
        {
            throw Error(key, "too many fields");
        }

        values.Add(value);
    }

    private ulong Varint(ref ReadOnlySpan<byte> rest)
    {
        ulong value = 0;
        for (int i = 0; i < 10 && i < rest.Length; i++)
        {
            if (i == 9 && rest[i] > 1)
            {
                break;
            }

            value |= (ulong)(rest[i] & 0x7F) << (7 * i);
            if ((rest[i] & 0x80) == 0)
            {
                rest = rest[(i + 1)..];
                return value;
            }
        }

        throw Error("", "not a number in the wire format");
    }
}
