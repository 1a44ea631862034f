using System.CommandLine;
using System.Security.Cryptography;
using System.Text.Json;
using Cloister.AdminApi;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Collateral;
using Cloister.Cli.Evidence;
using Cloister.Cli.Output;
using Cloister.Collateral;

namespace Cloister.Cli.Collateral;

/// <summary><c>cloister collateral fetch</c>: fills the directory that a broker without internet reads.</summary>
internal static class CollateralFetchCommand
{
    private static readonly SnpProductLine[] Products = [.. SnpProduct.WithKeys.Select(product => product.Line!.Value)];

    internal static Command Create()
    {
        Option<string> to = CliOutput.Path("--out", "directory for the broker's collateral.directory; made when it is absent, other models in it stay");
        Option<string[]> fmspcs = Many("--fmspc", "model of Intel platforms, 12 hex digits: everything that Intel has for it; may be repeated");
        Option<string[]> models = Many("--model", "one model as 'collateral status' names it, such as sgx-00606A000000-platform or snp-milan; may be repeated");
        Option<string?> status = new("--status") { Description = "file with what 'cloister collateral status --output json' printed, - for standard input: all models in use" };
        Option<string[]> reports = Many("--report", "SEV-SNP report: the certificate of the chip that made it; may be repeated");
        Option<string?> url = new("--url") { Description = "caching service (PCCS) to ask instead of Intel" };
        Option<string?> kds = new("--kds") { Description = "service to ask instead of AMD's, which answers as it does" };
        Option<string?> ca = new("--ca") { Description = "PEM file with the authorities that alone are trusted for --url and --kds; the system's when left out" };
        Option<string?> proxy = new("--proxy") { Description = "HTTP proxy, http://HOST:PORT" };
        Option<string[]> roots = CollateralCommand.Roots();
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("fetch", "Fetch collateral for a broker without internet, standard and early, and verify it: exit 2 when some of what counts was not to be had.")
        {
            to, fmspcs, models, status, reports, url, kds, ca, proxy, roots, output,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            string? authorities = parsed.GetValue(ca) is { } file ? EvidenceFiles.Reading(() => File.ReadAllText(file)) : null;
            if (authorities is not null && (parsed.GetValue(url) ?? parsed.GetValue(kds)) is null)
            {
                throw new CliException("--ca is for --url and --kds, which are not there");
            }

            Uri? through = Url("--proxy", parsed.GetValue(proxy));
            using HttpClient intel = Client(through, parsed.GetValue(url) is null ? null : authorities);
            using HttpClient amd = Client(through, parsed.GetValue(kds) is null ? null : authorities);
            Uri? service = Url("--url", parsed.GetValue(url));
            CollateralFetch fetch = new(
                parsed.GetValue(to)!, CollateralRoots.Read(parsed.GetValue(roots)!), DateTimeOffset.UtcNow, intel, service is null ? new PcsClientOptions() : PcsClientOptions.ForPccs(service),
                new KdsClient(amd, Url("--kds", parsed.GetValue(kds))));
            string[] named = [.. parsed.GetValue(models)!, .. parsed.GetValue(status) is { } seen ? ModelsOf(seen) : []];
            (DcapCollateralKey[] keys, SnpProductLine[] products) = Parse(named);
            string[] platforms = [.. parsed.GetValue(fmspcs)!.Select(Fmspc).Distinct()];
            SnpReport[] chips = [.. parsed.GetValue(reports)!.Select(ReadReport)];
            if (keys.Length + products.Length + platforms.Length + chips.Length == 0)
            {
                throw new CliException("say what to fetch: --status FILE for all models in use, or --fmspc, --model, --report");
            }

            foreach (DcapCollateralKey key in keys)
            {
                await fetch.ModelAsync(key, cancellation);
            }

            foreach (string fmspc in platforms)
            {
                await fetch.PlatformAsync(fmspc, cancellation);
            }

            foreach (SnpProductLine product in products)
            {
                await fetch.ProductAsync(product, cancellation);
            }

            foreach (SnpReport chip in chips)
            {
                await fetch.ChipAsync(chip, cancellation);
            }

            CollateralTable.Print(fetch.Status, fetch.Failures, parsed.GetValue(output));
            return fetch.Failures.All(failure => failure.Early) ? ExitCode.Done : ExitCode.No;
        });
        return command;
    }

    private static Option<string[]> Many(string name, string description) => new(name) { Description = description, DefaultValueFactory = _ => [] };

    private static HttpClient Client(Uri? proxy, string? authorities)
    {
        try
        {
            return CollateralHttp.Client(proxy, authorities);
        }
        catch (CryptographicException e)
        {
            throw new CliException($"--ca: {e.Message}");
        }
    }

    private static Uri? Url(string option, string? text) =>
        text is null ? null
        : Uri.TryCreate(text.EndsWith('/') ? text : text + "/", UriKind.Absolute, out Uri? url) && url.Scheme is "https" or "http" && (url.Scheme == "https" || url.IsLoopback || option == "--proxy") ? url
        : throw new CliException($"{option}: '{text}' is no https URL, nor http on loopback");

    private static string Fmspc(string text) =>
        text.Length == 12 && text.All(char.IsAsciiHexDigit) ? text.ToUpperInvariant() : throw new CliException($"--fmspc: '{text}' is not 12 hex digits");

    private static IEnumerable<string> ModelsOf(string file)
    {
        try
        {
            string text = file == "-" ? Console.In.ReadToEnd() : EvidenceFiles.Reading(() => File.ReadAllText(file));
            CollateralStatus read = JsonSerializer.Deserialize(text, AdminJson.Default.CollateralStatus) ?? throw new JsonException();

            // Folders of single chips, and what stands in for all, are not fetched by their names.
            return read.Items.Select(item => item.Model).Distinct().Where(model => !model.StartsWith("snp", StringComparison.Ordinal) || ProductOf(model) is not null);
        }
        catch (JsonException)
        {
            throw new CliException($"--status: '{file}' is not what 'cloister collateral status --output json' prints");
        }
    }

    private static (DcapCollateralKey[] Keys, SnpProductLine[] Products) Parse(string[] models)
    {
        string? wrong = models.FirstOrDefault(model => DirectoryCollateralSource.ModelOf(model) is null && ProductOf(model) is null);
        return wrong is null
            ? ([.. models.Select(DirectoryCollateralSource.ModelOf).OfType<DcapCollateralKey>().Distinct()], [.. models.Select(ProductOf).OfType<SnpProductLine>().Distinct()])
            : throw new CliException($"--model: '{wrong}' is no model such as sgx-00606A000000-platform, tdx-00806F050000-platform or snp-milan");
    }

    private static SnpProductLine? ProductOf(string model) => Products.Cast<SnpProductLine?>().FirstOrDefault(product => DirectorySnpSource.NameOf(product!.Value) == model);

    private static SnpReport ReadReport(string file)
    {
        try
        {
            return SnpEvidence.Parse(EvidenceFiles.Read(file)).Report;
        }
        catch (EvidenceFormatException e)
        {
            throw new CliException($"--report: '{file}' is no SEV-SNP report: {e.Message}");
        }
    }
}
