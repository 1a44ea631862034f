using System.CommandLine;
using System.Text.Json.Nodes;
using Cloister.Attestation;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Forms;
using Cloister.Attestation.Inspect;
using Cloister.Cli.Output;

namespace Cloister.Cli.Evidence;

/// <summary><c>cloister evidence show</c>: every field, verified by nobody.</summary>
internal static class EvidenceShowCommand
{
    internal static Command Create()
    {
        Argument<string> file = new("FILE") { Description = "a quote, an SNP report (bare, with certificate table, or Azure's HCL report), a Nitro document, or JSON of az-snp-vtpm or az-tdx-vtpm" };
        Option<string> tee = new("--tee") { Description = $"{EvidenceCommand.Kinds}; found by itself when left out" };
        tee.AcceptOnlyFromAmong(EvidenceCommand.KindNames);
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("show", "Show every field of evidence. Nothing is verified: see 'cloister evidence verify'.") { file, tee, output };
        command.SetAction(parsed => Show(parsed.GetValue(file)!, parsed.GetValue(tee), parsed.GetValue(output)));
        return command;
    }

    private static int Show(string file, string? teeName, OutputFormat output)
    {
        byte[] bytes = EvidenceFiles.Read(file);
        Tee? expected = TeeNames.TryParse(teeName, out Tee named) ? named : null;
        EvidenceInput input;
        try
        {
            input = EvidenceForms.Read(bytes, expected);
        }
        catch (EvidenceFormatException e)
        {
            throw new CliException($"'{file}' is no evidence that is known here: {e.Problem}", e.Code == "unknown_form" ? ExitCode.Usage : ExitCode.No);
        }

        Tee tee = expected ?? input.Tee;
        InspectedEvidence evidence;
        try
        {
            evidence = EvidenceInspector.Inspect(tee, input.Bytes);
        }
        catch (EvidenceFormatException e)
        {
            throw new CliException($"'{file}' is {(e.Code == "malformed" ? "malformed" : "not readable as")} {TeeNames.NameOf(tee)} evidence: {e.Message}", ExitCode.No);
        }

        if (output == OutputFormat.Json)
        {
            JsonObject json = new() { ["tee"] = TeeNames.NameOf(evidence.Tee), ["verified"] = false, ["form"] = input.Form };
            foreach (InspectedSection section in evidence.Sections)
            {
                json[section.Name] = EvidenceJson.Of(section.Fields);
            }

            CliOutput.Json(json);
            return ExitCode.Done;
        }

        CliOutput.Table(
            [TeeNames.NameOf(evidence.Tee), "field", "value (not verified)"],
            evidence.Sections.SelectMany(s => s.Fields.Select((field, i) => (IReadOnlyList<string>)[i == 0 ? s.Name : "", field.Key, field.Value.ToString()])));
        return ExitCode.Done;
    }
}
