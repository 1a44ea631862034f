using System.Globalization;
using System.Text.Json;
using Cloister.Attestation;

namespace Cloister.Simulator.Dcap;

/// <summary>Writes and signs TCB info.</summary>
internal static class TcbInfoWriter
{
    public static byte[] Write(DcapPlatformRequest platform, DcapCollateralRequest request, DcapAuthority signer)
    {
        using MemoryStream body = new();
        using (Utf8JsonWriter writer = new(body))
        {
            writer.WriteStartObject();
            if (request.TcbInfoVersion >= 3)
            {
                writer.WriteString("id", request.Tee == Tee.Tdx ? "TDX" : "SGX");
            }

            writer.WriteNumber("version", request.TcbInfoVersion);
            writer.WriteString("issueDate", Moment(request.IssueDate));
            writer.WriteString("nextUpdate", Moment(request.NextUpdate));
            writer.WriteString("fmspc", Convert.ToHexString((request.Fmspc ?? platform.Fmspc).Span));
            writer.WriteString("pceId", Convert.ToHexString((request.PceId ?? platform.PceId).Span));
            writer.WriteNumber("tcbType", 0);
            writer.WriteNumber("tcbEvaluationDataNumber", request.TcbEvaluationDataNumber);
            if (request.Tee == Tee.Tdx && request.TcbInfoVersion >= 3)
            {
                WriteModules(writer, request);
            }

            writer.WriteStartArray("tcbLevels");
            IReadOnlyList<SimulatedTcbLevel> levels = request.Levels.Count > 0 ? request.Levels : [DefaultLevel(platform, request.Tee)];
            foreach (SimulatedTcbLevel level in levels)
            {
                WriteLevel(writer, level, request.TcbInfoVersion);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return Sign("tcbInfo", body.ToArray(), signer);
    }

    public static byte[] Sign(string name, byte[] body, DcapAuthority signer)
    {
        string signature = Convert.ToHexStringLower(signer.Sign(body));
        return [.. System.Text.Encoding.ASCII.GetBytes($"{{\"{name}\":"), .. body, .. System.Text.Encoding.ASCII.GetBytes($",\"signature\":\"{signature}\"}}")];
    }

    public static string Moment(DateTimeOffset moment) => moment.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    public static void WriteAdvisories(Utf8JsonWriter writer, IReadOnlyList<string> advisories)
    {
        if (advisories.Count == 0)
        {
            return;
        }

        writer.WriteStartArray("advisoryIDs");
        foreach (string advisory in advisories)
        {
            writer.WriteStringValue(advisory);
        }

        writer.WriteEndArray();
    }

    public static void WriteIsvSvnLevels(Utf8JsonWriter writer, IReadOnlyList<SimulatedIsvSvnLevel> levels)
    {
        writer.WriteStartArray("tcbLevels");
        foreach (SimulatedIsvSvnLevel level in levels)
        {
            writer.WriteStartObject();
            writer.WriteStartObject("tcb");
            writer.WriteNumber("isvsvn", level.IsvSvn);
            writer.WriteEndObject();
            writer.WriteString("tcbDate", level.Date);
            writer.WriteString("tcbStatus", level.Status);
            WriteAdvisories(writer, level.Advisories);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static SimulatedTcbLevel DefaultLevel(DcapPlatformRequest platform, Tee tee) =>
        new(platform.TcbComponents.ToArray(), platform.PceSvn, tee == Tee.Tdx ? [5, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] : [], "UpToDate");

    private static void WriteModules(Utf8JsonWriter writer, DcapCollateralRequest request)
    {
        writer.WriteStartObject("tdxModule");
        writer.WriteString("mrsigner", Convert.ToHexString(request.TdxModuleMrSigner));
        writer.WriteString("attributes", "0000000000000000");
        writer.WriteString("attributesMask", "FFFFFFFFFFFFFFFF");
        writer.WriteEndObject();
        writer.WriteStartArray("tdxModuleIdentities");
        foreach (SimulatedTdxModule module in request.TdxModules)
        {
            writer.WriteStartObject();
            writer.WriteString("id", module.Id);
            writer.WriteString("mrsigner", Convert.ToHexString(module.MrSigner));
            writer.WriteString("attributes", Convert.ToHexString(module.Attributes));
            writer.WriteString("attributesMask", "FFFFFFFFFFFFFFFF");
            WriteIsvSvnLevels(writer, module.Levels);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteLevel(Utf8JsonWriter writer, SimulatedTcbLevel level, int version)
    {
        writer.WriteStartObject();
        writer.WriteStartObject("tcb");
        if (version >= 3)
        {
            WriteComponents(writer, "sgxtcbcomponents", level.SgxComponents);
            writer.WriteNumber("pcesvn", level.PceSvn);
            if (level.TdxComponents.Length > 0)
            {
                WriteComponents(writer, "tdxtcbcomponents", level.TdxComponents);
            }
        }
        else
        {
            for (int i = 0; i < 16; i++)
            {
                writer.WriteNumber($"sgxtcbcomp{i + 1:00}svn", level.SgxComponents[i]);
            }

            writer.WriteNumber("pcesvn", level.PceSvn);
        }

        writer.WriteEndObject();
        writer.WriteString("tcbDate", level.Date);
        writer.WriteString("tcbStatus", level.Status);
        WriteAdvisories(writer, level.Advisories);
        writer.WriteEndObject();
    }

    private static void WriteComponents(Utf8JsonWriter writer, string name, byte[] components)
    {
        writer.WriteStartArray(name);
        foreach (byte component in components)
        {
            writer.WriteStartObject();
            writer.WriteNumber("svn", component);
            writer.WriteString("category", "simulated");
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}
