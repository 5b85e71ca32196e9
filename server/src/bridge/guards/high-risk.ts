/**
 * Numbers whose calls cost much and whose owners share in it. Country codes by ITU-T E.164 (list of assigned codes), premium ranges by
 * the national numbering plans.
 */
export const HIGH_RISK: Readonly<Record<string, string>> = {
  '870': 'Inmarsat satellite telephones',
  '878': 'universal personal telecommunications',
  '881': 'global mobile satellite systems',
  '882': 'international networks',
  '883': 'international networks',
  '888': 'disaster relief, not in service',
  '979': 'international premium rate',
  '1900': 'premium rate, North America',
  '1976': 'premium rate, North America',
  '3389': 'premium rate, France',
  '34803': 'premium rate, Spain',
  '34806': 'premium rate, Spain',
  '34807': 'premium rate, Spain',
  '39899': 'premium rate, Italy',
  '41900': 'premium rate, Switzerland',
  '41901': 'premium rate, Switzerland',
  '41906': 'premium rate, Switzerland',
  '43900': 'premium rate, Austria',
  '43930': 'premium rate, Austria',
  '449': 'premium rate, United Kingdom',
  '49137': 'mass traffic, Germany',
  '49900': 'premium rate, Germany',
  '611900': 'premium rate, Australia',
};
