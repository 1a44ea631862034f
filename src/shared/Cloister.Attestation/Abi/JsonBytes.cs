using System.Text.Json;

namespace Cloister.Attestation.Abi;

/// <summary>Bytes as a JSON array of numbers, as serde writes them.</summary>
internal static class JsonBytes
{
    /// <summary>Copies an array that has as many members as there are <paramref name="bytes"/>.</summary>
    /// <returns>False: a member is no number from 0 to 255.</returns>
    public static bool TryCopy(JsonElement array, Span<byte> bytes)
    {
        int at = 0;
        foreach (JsonElement item in array.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetByte(out bytes[at++]))
            {
                return false;
            }
        }

        return true;
    }
}
