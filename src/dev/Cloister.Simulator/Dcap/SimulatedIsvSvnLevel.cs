namespace Cloister.Simulator.Dcap;

/// <summary>One level of a simulated enclave or TDX module identity.</summary>
/// <param name="IsvSvn">Lowest security version.</param>
/// <param name="Status">As the API writes it.</param>
/// <param name="Advisories">Advisory ids.</param>
public sealed record SimulatedIsvSvnLevel(int IsvSvn, string Status, params string[] Advisories)
{
    /// <summary>Date of the level.</summary>
    public string Date { get; init; } = "2024-03-13T00:00:00Z";
}
