using System.Text.Json;
using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Abi.Dcap;

/// <summary>Parts that TCB info and enclave identities share.</summary>
internal static class TcbStatusReader
{
    private const int MaximumAdvisories = 256;

    /// <summary>A <c>tcbStatus</c> that collateral may state; the relaunch statuses are only ever computed.</summary>
    public static TcbStatus Read(ref Utf8JsonReader reader, string path) => StrictJson.Text(ref reader, path, 48) switch
    {
        "UpToDate" => TcbStatus.UpToDate,
        "SWHardeningNeeded" => TcbStatus.SWHardeningNeeded,
        "ConfigurationNeeded" => TcbStatus.ConfigurationNeeded,
        "ConfigurationAndSWHardeningNeeded" => TcbStatus.ConfigurationAndSWHardeningNeeded,
        "OutOfDate" => TcbStatus.OutOfDate,
        "OutOfDateConfigurationNeeded" => TcbStatus.OutOfDateConfigurationNeeded,
        "Revoked" => TcbStatus.Revoked,
        string other => throw StrictJson.Error(ref reader, path, $"unknown status '{other}'"),
    };

    /// <summary><c>advisoryIDs</c>.</summary>
    public static List<string> ReadAdvisories(ref Utf8JsonReader reader, string path)
    {
        List<string> advisories = [];
        StrictJson.BeginArray(ref reader, path);
        while (StrictJson.NextElement(ref reader, path))
        {
            if (reader.TokenType != JsonTokenType.String || reader.ValueIsEscaped || reader.ValueSpan.Length > 64 || advisories.Count == MaximumAdvisories)
            {
                throw StrictJson.Error(ref reader, path, "not a list of advisory ids");
            }

            advisories.Add(System.Text.Encoding.ASCII.GetString(reader.ValueSpan));
        }

        return advisories;
    }
}
