using System.Text.Json;

namespace Cloister.Attestation.Abi.Dcap;

/// <summary>Reads TCB info (Intel PCS API, Get TCB Info: TcbInfoV2, TcbInfoV3).</summary>
internal static class TcbInfoReader
{
    private static readonly JsonFieldNames Fields = new(
        "tcbInfo", "id", "version", "issueDate", "nextUpdate", "fmspc", "pceId", "tcbType", "tcbEvaluationDataNumber", "tcbLevels", "tdxModule", "tdxModuleIdentities");

    public static TcbInfo Read(ReadOnlyMemory<byte> utf8)
    {
        (ReadOnlyMemory<byte> signed, ReadOnlyMemory<byte> signature) = SignedJson.Split(utf8, "tcbInfo");
        StrictJson.RefuseNewer(signed.Span, "tcbInfo.version", EvidenceVersions.TcbInfo);
        TcbInfo info = new() { SignedBytes = signed, Signature = signature };
        Utf8JsonReader reader = StrictJson.Open(signed.Span);
        StrictJson.BeginObject(ref reader, "tcbInfo");
        uint seen = 0;
        string? id = null;
        for (int field; (field = StrictJson.NextField(ref reader, Fields, ref seen)) >= 0;)
        {
            switch (field)
            {
                case 0:
                    id = StrictJson.Text(ref reader, "tcbInfo.id", 8);
                    break;
                case 1:
                    info.Version = StrictJson.Number(ref reader, "tcbInfo.version", 1000);
                    break;
                case 2:
                    info.IssueDate = StrictJson.Moment(ref reader, "tcbInfo.issueDate");
                    break;
                case 3:
                    info.NextUpdate = StrictJson.Moment(ref reader, "tcbInfo.nextUpdate");
                    break;
                case 4:
                    info.Fmspc = StrictJson.Hex(ref reader, "tcbInfo.fmspc", 6);
                    break;
                case 5:
                    info.PceId = StrictJson.Hex(ref reader, "tcbInfo.pceId", 2);
                    break;
                case 6:
                    // 0 is the only way of comparing levels that is defined.
                    StrictJson.Number(ref reader, "tcbInfo.tcbType", 0);
                    break;
                case 7:
                    info.TcbEvaluationDataNumber = StrictJson.Number(ref reader, "tcbInfo.tcbEvaluationDataNumber", int.MaxValue);
                    break;
                case 8:
                    info.Levels = TcbLevelReader.Read(ref reader, "tcbInfo.tcbLevels");
                    break;
                case 9:
                    StrictJson.BeginObject(ref reader, "tcbInfo.tdxModule");
                    info.TdxModule = TdxModuleReader.Read(ref reader, isIdentity: false);
                    break;
                default:
                    info.TdxModuleIdentities = TdxModuleReader.ReadIdentities(ref reader, "tcbInfo.tdxModuleIdentities");
                    break;
            }
        }

        StrictJson.Require(ref reader, Fields, seen, 0b001_1111_1110);
        Finish(ref reader, info, id);
        return info;
    }

    private static void Finish(ref Utf8JsonReader reader, TcbInfo info, string? id)
    {
        info.Tee = (info.Version, id) switch
        {
            (2, null) or (3, "SGX") => Tee.Sgx,
            (3, "TDX") => Tee.Tdx,
            _ when !EvidenceVersions.TcbInfo.Contains((uint)info.Version) => throw StrictJson.UnknownVersion(ref reader, "tcbInfo.version", info.Version, EvidenceVersions.TcbInfo),
            _ => throw StrictJson.Error(ref reader, "tcbInfo.id", $"version {info.Version} with id '{id}'"),
        };
        bool isTdx = info.Tee == Tee.Tdx;
        if (isTdx != info.TdxModule is not null || (!isTdx && info.TdxModuleIdentities.Count > 0))
        {
            throw StrictJson.Error(ref reader, "tcbInfo.tdxModule", isTdx ? "missing" : "in TCB info for SGX");
        }

        foreach (TcbLevel level in info.Levels)
        {
            if (level.TdxComponents.IsEmpty == isTdx)
            {
                throw StrictJson.Error(ref reader, "tcbInfo.tcbLevels.tcb.tdxtcbcomponents", isTdx ? "missing" : "in TCB info for SGX");
            }
        }
    }
}
