using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;

namespace Cloister.Enclave.Broker;

/// <summary>P-256 public keys as JWK. secrets: none.</summary>
internal static class EcKeyText
{
    private const int CoordinateSize = 32;

    /// <summary>JSON of a JWK, members in canonical order, without white space; <paramref name="algorithm"/> null leaves <c>alg</c> out.</summary>
    internal static string Write(ECPoint point, string? algorithm)
    {
        string alg = algorithm is null ? "" : $"\"alg\":\"{algorithm}\",";
        return $"{{{alg}\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"{Base64Url.EncodeToString(point.X)}\",\"y\":\"{Base64Url.EncodeToString(point.Y)}\"}}";
    }

    /// <summary>Reads a JWK; whether the point is on the curve is checked when it is imported.</summary>
    /// <exception cref="FormatException">Not a P-256 key.</exception>
    internal static ECParameters Read(JsonElement key)
    {
        if (key.ValueKind != JsonValueKind.Object || Text(key, "kty") != "EC" || Text(key, "crv") != "P-256")
        {
            throw new FormatException("not a P-256 key");
        }

        return new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint { X = Coordinate(key, "x"), Y = Coordinate(key, "y") },
        };
    }

    /// <summary>A member that is a text, or null.</summary>
    internal static string? Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static byte[] Coordinate(JsonElement key, string name)
    {
        byte[] value = Base64Url.DecodeFromChars(Text(key, name));
        return value.Length == CoordinateSize ? value : throw new FormatException("not a P-256 key");
    }
}
