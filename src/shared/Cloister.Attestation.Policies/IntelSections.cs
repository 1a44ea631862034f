using Cloister.Attestation.Appraise;
using Cloister.Attestation.Appraise.Rules;
using Cloister.Attestation.Claims;
using YamlDotNet.RepresentationModel;

namespace Cloister.Attestation.Policies;

/// <summary>Sections <c>sgx</c> and <c>tdx</c>.</summary>
internal static class IntelSections
{
    private static readonly (string, string, int)[] PlatformIds = [("ppid", ClaimNames.Ppid, 16), ("platformInstanceId", ClaimNames.PlatformInstanceId, 16)];

    private static readonly string[] Statuses = [.. Enum.GetNames<TcbStatus>().Where(n => n != nameof(TcbStatus.Revoked))];

    public static PolicySection ReadSgx(MappingReader reader, PolicyErrors errors)
    {
        SectionBuilder builder = new(Tee.Sgx, errors);
        builder.Debug(reader);
        builder.Rule(reader, "enclave", "enclave", (node, path) => ReadEnclaves(builder, node, path));
        builder.ReferenceValues(reader, "configid", "configid", ClaimNames.ConfigId, mayBeExpected: true, 64);
        builder.ReferenceValues(reader, "attributes", "attributes", ClaimNames.Attributes, mayBeExpected: false, 16);
        ReadTcb(builder, reader);
        builder.Platforms(reader, PlatformIds);
        builder.ReferenceValues(reader, "reportData", "reportData", ClaimNames.ReportData, mayBeExpected: true, 64);
        reader.Finish();
        return builder.Build();
    }

    public static PolicySection ReadTdx(MappingReader reader, PolicyErrors errors)
    {
        SectionBuilder builder = new(Tee.Tdx, errors);
        ReadTdxRules(builder, reader);
        builder.ReferenceValues(reader, "reportData", "reportData", ClaimNames.ReportData, mayBeExpected: true, 64);
        reader.Finish();
        return builder.Build();
    }

    /// <summary>All rules of TDX but that of the report data; the caller finishes the reader.</summary>
    internal static void ReadTdxRules(SectionBuilder builder, MappingReader reader)
    {
        builder.Debug(reader);
        foreach (string register in (string[])["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3", "mrowner", "mrownerconfig", "mrseam", "mrservicetd"])
        {
            builder.ReferenceValues(reader, register, register, register, mayBeExpected: false, 48);
        }

        builder.ReferenceValues(reader, "mrconfigid", "mrconfigid", ClaimNames.MrConfigId, mayBeExpected: true, 48);
        builder.ReferenceValues(reader, "tdattributes", "tdattributes", ClaimNames.TdAttributes, mayBeExpected: false, 8);
        builder.ReferenceValues(reader, "xfam", "xfam", ClaimNames.Xfam, mayBeExpected: false, 8);
        ReadTcb(builder, reader);
        builder.Platforms(reader, PlatformIds);
    }

    private static void ReadTcb(SectionBuilder builder, MappingReader section)
    {
        if (section.Mapping("tcb") is not { } tcb)
        {
            return;
        }

        builder.Rule(tcb, "statuses", "tcb.statuses", (node, path) => new TcbStatusRule(builder.Words(node, path, Statuses).Select(Enum.Parse<TcbStatus>)));
        builder.Rule(tcb, "advisories", "tcb.advisories", (node, path) =>
            node is YamlSequenceNode { Children.Count: 0 } ? new AdvisoryRule() : new AdvisoryRule(builder.Words(node, path)));
        builder.Rule(tcb, "minEvaluationDataNumber", "tcb.minEvaluationDataNumber", (node, path) => builder.Number(node, path, int.MaxValue) is { } number
            ? new MinimumRule("tcb.minEvaluationDataNumber", number, ClaimNames.TcbEvaluationDataNumber, ClaimNames.QeTcbEvaluationDataNumber)
            : null);
        builder.Rule(tcb, "minDate", "tcb.minDate", (node, path) => builder.Date(node, path) is { } date ? new MinimumTcbDateRule(date) : null);
        tcb.Finish();
    }

    private static SgxEnclaveRule? ReadEnclaves(SectionBuilder builder, YamlNode node, string path)
    {
        List<SgxEnclaveIdentity> identities = [];
        foreach (YamlNode item in builder.Items(node, path))
        {
            if (item is not YamlMappingNode mapping)
            {
                builder.Errors.Add(item, path, "expected a list of enclaves, or any");
                continue;
            }

            MappingReader reader = new(mapping, path, builder.Errors);
            SgxEnclaveIdentity identity = new(
                reader.Take("mrenclave") is { } enclave ? builder.Hex(enclave, reader.PathOf("mrenclave"), 32) ?? [] : (ReadOnlyMemory<byte>?)null,
                reader.Take("mrsigner") is { } signer ? builder.Hex(signer, reader.PathOf("mrsigner"), 32) ?? [] : (ReadOnlyMemory<byte>?)null,
                (ushort?)reader.Number("isvprodid", ushort.MaxValue),
                (ushort?)reader.Number("minIsvsvn", ushort.MaxValue));
            reader.Finish();
            if (identity.IsComplete)
            {
                identities.Add(identity);
            }
            else
            {
                builder.Errors.Add(item, path, "name mrenclave, or mrsigner with isvprodid and minIsvsvn");
            }
        }

        return identities.Count > 0 ? new SgxEnclaveRule(identities) : null;
    }
}
