using System.Text;

namespace Cloister.Attestation.Abi.Dcap;

/// <summary>The fields that a JSON object may have, at most 32, with their paths for errors.</summary>
internal sealed class JsonFieldNames
{
    private readonly byte[][] _utf8;
    private readonly string[] _paths;

    public JsonFieldNames(string path, params string[] names)
    {
        Path = path;
        _utf8 = [.. names.Select(Encoding.ASCII.GetBytes)];
        _paths = [.. names.Select(name => $"{path}.{name}")];
    }

    /// <summary>The object's path.</summary>
    public string Path { get; }

    public int Count => _utf8.Length;

    public ReadOnlySpan<byte> Utf8(int index) => _utf8[index];

    /// <summary>The field's path.</summary>
    public string PathOf(int index) => _paths[index];
}
