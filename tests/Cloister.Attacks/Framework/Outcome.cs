namespace Cloister.Attacks.Framework;

/// <summary>What one try came to.</summary>
/// <param name="Succeeded">The attacker has what he wanted.</param>
/// <param name="Detail">What was seen, such as the error's text. No secrets.</param>
internal sealed record Trial(bool Succeeded, string Detail)
{
    public static Trial Success(string detail) => new(true, detail);

    public static Trial Refused(string detail) => new(false, detail);
}

/// <summary>An attack and what shows that its result means something.</summary>
/// <param name="Attempt">The attack.</param>
/// <param name="Control">The same where the protection is off; it has to succeed. Null only where the attack itself is to succeed.</param>
/// <param name="Contrast">For an attack that succeeds: the same where something does stop it, or where there is nothing to find; has to be refused. May be left out.</param>
internal sealed record Outcome(Trial Attempt, Trial? Control = null, Trial? Contrast = null);
