namespace Cloister.Attestation.Abi.Snp;

/// <summary>
/// What is known of an EPYC product line: the one table, for parsing, showing, verifying, fetching and policies (AMD 57230, VCEK Certificate and KDS
/// Interface Specification, chapter 3; AMD 56860, section 2.2). A row without keys names processors whose root is not pinned here: they are refused by name.
/// </summary>
public sealed class SnpProduct
{
    private const int FullChipId = 64;
    private const int ShortChipId = 8;

    private SnpProduct(string name, SnpProductLine? line, string? rootSha256, bool hasFmc, params SnpModels[] models)
    {
        Name = name;
        Line = line;
        RootSha256 = rootSha256;
        HasFmc = hasFmc;
        Models = models;
    }

    /// <summary>Every product line that is known by name, oldest first.</summary>
    public static IReadOnlyList<SnpProduct> All { get; } =
    [
        new("Milan", SnpProductLine.Milan, "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd", hasFmc: false, new SnpModels("Milan", 0x19, 0x00, 0x0F)),
        new(
            "Genoa", SnpProductLine.Genoa, "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1", hasFmc: false,
            new SnpModels("Genoa", 0x19, 0x10, 0x1F), new SnpModels("Bergamo or Siena", 0x19, 0xA0, 0xAF)),
        new("Turin", SnpProductLine.Turin, "1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a", hasFmc: true, new SnpModels("Turin", 0x1A, 0x00, 0x11)),
        new(
            "Venice", line: null, rootSha256: null, hasFmc: true,
            new SnpModels("Venice", 0x1A, 0x50, 0x57), new SnpModels("Venice", 0x1A, 0x90, 0xAF), new SnpModels("Venice", 0x1A, 0xC0, 0xC7)),
    ];

    /// <summary>The product lines whose keys are known, oldest first.</summary>
    public static IReadOnlyList<SnpProduct> WithKeys { get; } = [.. All.Where(product => product.Line is not null)];

    /// <summary>The name as AMD writes it.</summary>
    public string Name { get; }

    /// <summary>The product line; null when no root of it is pinned here.</summary>
    public SnpProductLine? Line { get; }

    /// <summary>SHA-256 of the root key's certificate in DER, lower-case hex; null without one.</summary>
    public string? RootSha256 { get; }

    /// <summary>Whether a TCB starts with the FMC's level and certificates have one (Turin and later).</summary>
    public bool HasFmc { get; }

    /// <summary>How many bytes of a report's chip id say which chip it is, and how long a VCEK's hardware id is: 64, or 8.</summary>
    public int ChipIdLength => HasFmc ? ShortChipId : FullChipId;

    /// <summary>The processors of this line.</summary>
    public IReadOnlyList<SnpModels> Models { get; }

    /// <summary>The row of a product line.</summary>
    /// <param name="line">The product line.</param>
    public static SnpProduct Of(SnpProductLine line) => All.FirstOrDefault(product => product.Line == line) ?? throw new ArgumentOutOfRangeException(nameof(line));

    /// <summary>The row of a processor, or null for one that is not in the table.</summary>
    /// <param name="processor">Family and model as a report gives them.</param>
    public static SnpProduct? Of(SnpProcessor processor) => All.FirstOrDefault(product => product.Models.Any(models => models.Has(processor)));

    /// <summary>Whether a processor's keys are not known here and it is a newer one than those whose are.</summary>
    internal static bool IsNewer(SnpProcessor processor) =>
        processor.ProductLine is null && WithKeys[^1].Models[^1] is { } last && (processor.Family, processor.Model).CompareTo((last.Family, last.LastModel)) > 0;
}

/// <summary>Processors of one family with models from and to, both included.</summary>
/// <param name="Name">What they are called.</param>
/// <param name="Family">Combined extended and base family.</param>
/// <param name="FirstModel">Lowest combined model.</param>
/// <param name="LastModel">Highest combined model.</param>
public sealed record SnpModels(string Name, byte Family, byte FirstModel, byte LastModel)
{
    /// <summary>Whether a processor is one of them.</summary>
    /// <param name="processor">Family and model as a report gives them.</param>
    public bool Has(SnpProcessor processor) => processor.Family == Family && processor.Model >= FirstModel && processor.Model <= LastModel;
}
