using System.Text.Json;
using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Abi.Dcap;

/// <summary>Reads <c>tcbLevels</c> of enclave identities and TDX module identities.</summary>
internal static class IsvSvnLevelReader
{
    private const int MaximumLevels = 256;

    private static readonly JsonFieldNames LevelFields = new("tcbLevels", "tcb", "tcbDate", "tcbStatus", "advisoryIDs");
    private static readonly JsonFieldNames TcbFields = new("tcbLevels.tcb", "isvsvn");

    /// <summary>The levels, highest first. Two levels of the same security version are refused: which one counts would be a matter of taste.</summary>
    public static IReadOnlyList<IsvSvnLevel> Read(ref Utf8JsonReader reader, string path)
    {
        List<IsvSvnLevel> levels = StrictJson.Objects(ref reader, path, MaximumLevels, "not a list of levels", ReadLevel);
        levels.Sort((a, b) => b.IsvSvn.CompareTo(a.IsvSvn));
        for (int i = 1; i < levels.Count; i++)
        {
            if (levels[i].IsvSvn == levels[i - 1].IsvSvn)
            {
                throw StrictJson.Error(ref reader, path, $"two levels with isvsvn {levels[i].IsvSvn}");
            }
        }

        return levels.Count > 0 ? levels : throw StrictJson.Error(ref reader, path, "no level");
    }

    private static IsvSvnLevel ReadLevel(ref Utf8JsonReader reader, string path)
    {
        int isvSvn = 0;
        DateTimeOffset date = default;
        TcbStatus status = default;
        List<string> advisories = [];
        uint seen = 0;
        for (int field; (field = StrictJson.NextField(ref reader, LevelFields, ref seen)) >= 0;)
        {
            switch (field)
            {
                case 0:
                    isvSvn = ReadTcb(ref reader, path);
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

        // PCS API, enclave identity: these levels know three statuses only.
        return status is TcbStatus.UpToDate or TcbStatus.OutOfDate or TcbStatus.Revoked
            ? new IsvSvnLevel(isvSvn, status, date, advisories)
            : throw StrictJson.Error(ref reader, path, $"status {status} does not belong here");
    }

    private static int ReadTcb(ref Utf8JsonReader reader, string path)
    {
        int isvSvn = 0;
        uint seen = 0;
        StrictJson.BeginObject(ref reader, path);
        while (StrictJson.NextField(ref reader, TcbFields, ref seen) >= 0)
        {
            isvSvn = StrictJson.Number(ref reader, path, ushort.MaxValue);
        }

        StrictJson.Require(ref reader, TcbFields, seen, 0b1);
        return isvSvn;
    }
}
