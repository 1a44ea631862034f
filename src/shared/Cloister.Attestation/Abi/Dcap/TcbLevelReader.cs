using System.Text.Json;
using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Abi.Dcap;

/// <summary>Reads <c>tcbLevels</c> of TCB info, version 2 and 3.</summary>
internal static class TcbLevelReader
{
    private const int MaximumLevels = 1024;
    private const uint AllVersion2Components = 0b1111_1111_1111_1111;
    private const uint PceSvn = 1u << 16;
    private const uint SgxComponents = 1u << 17;
    private const uint TdxComponents = 1u << 18;

    private static readonly JsonFieldNames LevelFields = new("tcbInfo.tcbLevels", "tcb", "tcbDate", "tcbStatus", "advisoryIDs");
    private static readonly JsonFieldNames ComponentFields = new("tcbInfo.tcbLevels.tcb.components", "svn", "category", "type");

    // 0..15: the components of version 2; then what versions 2 and 3 share; then version 3.
    private static readonly JsonFieldNames TcbFields = new(
        "tcbInfo.tcbLevels.tcb", [.. Enumerable.Range(1, 16).Select(i => $"sgxtcbcomp{i:00}svn"), "pcesvn", "sgxtcbcomponents", "tdxtcbcomponents"]);

    /// <summary>The levels, highest first. Two levels with the same versions are refused.</summary>
    public static IReadOnlyList<TcbLevel> Read(ref Utf8JsonReader reader, string path)
    {
        List<TcbLevel> levels = StrictJson.Objects(ref reader, path, MaximumLevels, "not a list of levels", ReadLevel);
        levels.Sort((a, b) => TcbLevel.Compare(b, a));
        for (int i = 1; i < levels.Count; i++)
        {
            if (TcbLevel.Compare(levels[i], levels[i - 1]) == 0)
            {
                throw StrictJson.Error(ref reader, path, "two levels with the same versions");
            }
        }

        return levels.Count > 0 ? levels : throw StrictJson.Error(ref reader, path, "no level");
    }

    private static TcbLevel ReadLevel(ref Utf8JsonReader reader, string path)
    {
        (byte[] Sgx, ushort PceSvn, byte[]? Tdx) tcb = ([], 0, null);
        DateTimeOffset date = default;
        TcbStatus status = default;
        List<string> advisories = [];
        uint seen = 0;
        for (int field; (field = StrictJson.NextField(ref reader, LevelFields, ref seen)) >= 0;)
        {
            switch (field)
            {
                case 0:
                    tcb = ReadTcb(ref reader, path);
                    break;
                case 1:
                    date = StrictJson.Moment(ref reader, path);
                    break;
                case 2:
                    status = TcbStatusReader.Read(ref reader, path);
                    break;
                default:
                    advisories = TcbStatusReader.ReadAdvisories(ref reader, path);
                    break;
            }
        }

        StrictJson.Require(ref reader, LevelFields, seen, 0b0111);
        return new TcbLevel(tcb.Sgx, tcb.PceSvn, tcb.Tdx, status, date, advisories);
    }

    private static (byte[] Sgx, ushort PceSvn, byte[]? Tdx) ReadTcb(ref Utf8JsonReader reader, string path)
    {
        byte[] sgx = new byte[16];
        byte[]? tdx = null;
        int pceSvn = 0;
        uint seen = 0;
        StrictJson.BeginObject(ref reader, path);
        for (int field; (field = StrictJson.NextField(ref reader, TcbFields, ref seen)) >= 0;)
        {
            switch (field)
            {
                case < 16:
                    sgx[field] = (byte)StrictJson.Number(ref reader, path, 255);
                    break;
                case 16:
                    pceSvn = StrictJson.Number(ref reader, path, ushort.MaxValue);
                    break;
                case 17:
                    sgx = ReadComponents(ref reader, path);
                    break;
                default:
                    tdx = ReadComponents(ref reader, path);
                    break;
            }
        }

        bool isVersion2 = (seen | AllVersion2Components) == seen && (seen & (SgxComponents | TdxComponents)) == 0;
        bool isVersion3 = (seen & AllVersion2Components) == 0 && (seen & SgxComponents) != 0;
        return (isVersion2 || isVersion3) && (seen & PceSvn) != 0
            ? (sgx, (ushort)pceSvn, tdx)
            : throw StrictJson.Error(ref reader, path, "versions of a level are missing");
    }

    private static byte[] ReadComponents(ref Utf8JsonReader reader, string path)
    {
        byte[] components = new byte[16];
        int count = 0;
        StrictJson.BeginArray(ref reader, path);
        while (StrictJson.NextElement(ref reader, path))
        {
            if (reader.TokenType != JsonTokenType.StartObject || count == 16)
            {
                throw StrictJson.Error(ref reader, path, "not 16 components");
            }

            uint seen = 0;
            for (int field; (field = StrictJson.NextField(ref reader, ComponentFields, ref seen)) >= 0;)
            {
                if (field == 0)
                {
                    components[count] = (byte)StrictJson.Number(ref reader, path, 255);
                }
                else
                {
                    StrictJson.Skip(ref reader, path, 256);
                }
            }

            StrictJson.Require(ref reader, ComponentFields, seen, 0b001);
            count++;
        }

        return count == 16 ? components : throw StrictJson.Error(ref reader, path, "not 16 components");
    }
}
