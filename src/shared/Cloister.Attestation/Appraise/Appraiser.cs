namespace Cloister.Attestation.Appraise;

/// <summary>Holds authentic evidence against a policy.</summary>
public static class Appraiser
{
}
